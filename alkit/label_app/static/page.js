// The labeling page: shows images, takes an answer, and continues once the server has recorded it.
import { alikeSelected, onSelection, selectAlike, showAlike } from "./alike.js";
import { widgetFor } from "./answers.js";
import { $, counted, say, sentence, trouble } from "./elements.js";
import { areSeen, clearSelection, focusGrid, gridSelected, onGrid, select, showGrid } from "./grid.js";
import { hideGuess, showGuess } from "./guess.js";
import { fetchGuidelines, toggleGuidelines } from "./guidelines.js";
import { listen } from "./keys.js";
import { onNext, showEnd } from "./next.js";
import { isWriting, noteKept, showNote, writeNote } from "./note.js";
import { isSeen, keep, picture } from "./pictures.js";
import { ask, send } from "./server.js";
import { fit, moveBy, reset, view, zoomIn, zoomOut } from "./view.js";
import { placeOf, previous, waiting, work } from "./work.js";

const AHEAD = 3; // images to load in advance
const SECONDS_TO_LOOK = 15; // between checks for changes by other pages and commands
const SLOW = 400; // milliseconds until the page says that an answer is being recorded

let offline = false; // the server did not answer the last check
let widget = null;

// -- answers -----------------------------------------------------------------------------------------------

/** Return the images that the next answer is for. */
const targets = () => (work.grid ? gridSelected() : work.at === null ? [] : [work.at, ...alikeSelected()]);

/** Say that something is being recorded, or no longer. */
function setBusy(busy) {
  work.busy = busy;
  $("panel").setAttribute("aria-busy", String(busy));
}

/** Send an answer to the current images, repeatedly until it is recorded or refused. */
async function answer(label, shown = label) {
  const indices = targets();
  if (work.busy) return;
  if (work.grid && !indices.length && waiting().length) return say("Select images first.");
  if (work.grid && !areSeen(indices)) {
    $("selected").textContent = "Wait until all selected images are shown.";
    return;
  }
  if (!indices.length || !(work.grid || isSeen(work.at))) return;
  await record(label, indices, shown);
}

async function record(label, indices, shown = label) {
  setBusy(true);
  const slow = setTimeout(() => say("Recording..."), SLOW);
  const given = { query: work.state.query, label, saw_guess: work.sawGuess };
  await noteKept();
  const [path, which] = indices.length === 1 ? ["answer", { index: indices[0] }] : ["answers", { indices }];
  const reply = await send(path, { ...given, ...which }, (why) => trouble(`Not recorded yet: '${shown}'. ${why}`));
  clearTimeout(slow);
  setBusy(false);
  trouble(reply.ok ? "" : `Not recorded: '${shown}'. ${sentence(reply.data.error)}`);
  if (!reply.ok) return;
  widget.clear();
  work.undone = work.wanted = null;
  if (work.grid && document.activeElement === $("filter")) focusGrid();
  take(reply.data, `${shown} recorded${several(indices)}. `);
}

const several = (indices) => (indices.length > 1 ? ` for ${indices.length} images` : "");

function answerOther(word) {
  if (work.state.words.includes(word)) answer(word);
}

/** Undo the latest answer, and show its images again. */
async function undo() {
  const latest = work.busy ? null : previous();
  if (latest === null) return;
  setBusy(true);
  const reply = await ask("undo", { query: work.state.query, index: latest.index });
  setBusy(false);
  trouble(reply.ok ? "" : `Not undone. ${sentence(reply.data.error)}`);
  if (!reply.ok) return;
  const { taken_back: label, indices, ...next } = reply.data;
  work.undone = { label, indices };
  if (work.grid) select(indices);
  else move(latest.index);
  take(next, `${named(label)} undone${several(indices)}. `);
  if (!work.grid && work.state.kind === "boxes" && label.startsWith("[")) widget.offer(label);
}

/** Return what an answer is called in messages. */
const named = (label) => widget.inWords?.(label) ?? label;

/** Undo the latest correction that is not sent yet; otherwise the latest answer. */
function back() {
  if (work.busy || !widget?.takeBack?.()) undo();
}

function again() {
  if (work.undone === null) {
    if (work.grid) clearSelection();
  } else if (!work.busy) record(work.undone.label, work.undone.indices, named(work.undone.label));
}

// -- the server's state ------------------------------------------------------------------------------------

/** Check for changes by other pages and commands. */
async function look() {
  if (work.busy || document.hidden) return;
  const reply = await ask("state");
  if (work.busy) return;
  if (reply.ok === offline) trouble(reply.ok ? "" : sentence(reply.data.error));
  offline = !reply.ok;
  if (offline) return;
  if (work.state === null) await enter(reply.data);
  else take(reply.data, "");
}

/** Begin to work on the query of a state. */
async function enter(state) {
  await fetchGuidelines(state);
  work.state = state;
  $("news").hidden = true;
  prepare();
  show("");
}

function prepare() {
  work.at = work.undone = work.wanted = null;
  keep([]);
  widget = widgetFor(work.state);
  $("give").hidden = work.state.kind !== "classes";
  widget.prepare(work.state, answer);
  $("guess").hidden = !work.state.guesses || work.state.show_guess;
  for (const word of ["abstain", "unusable"]) $(word).hidden = !work.state.words.includes(word);
}

/** Show a new state; switch to another query only when the user asks to. */
function take(next, said) {
  if (next.query !== work.state.query) {
    const done = !waiting().length;
    if (done && next.asking?.query === next.query) return enter(next);
    const how = done ? "is now open" : `has replaced query ${work.state.query}, which needs no more answers`;
    $("news-text").textContent = `${said}Query ${next.query} ${how}.`;
    $("news-go").onclick = () => enter(next);
    $("news").hidden = false;
    return;
  }
  const told = (state) => JSON.stringify({ ...state, asking: Boolean(state.asking?.running) });
  const same = told(next) === told(work.state);
  const classesChanged = JSON.stringify(next.classes) !== JSON.stringify(work.state.classes);
  work.state = next;
  if (classesChanged) prepare();
  if (!same || said) show(said);
}

/** Go on with the query that was asked for on this page. */
async function goOn() {
  const reply = await ask("state");
  if (reply.ok && reply.data.query !== work.state.query) await enter(reply.data);
  else if (reply.ok) take(reply.data, "");
}

// -- what is shown -----------------------------------------------------------------------------------------

/** Show the image whose answer was undone, otherwise the one that was wanted or the first without an answer. */
function show(said) {
  const left = waiting();
  const count = work.state.images.length;
  if (work.undone === null || work.grid) {
    const wanted = left.find((image) => image.index === work.wanted) ?? left[0];
    move(work.grid || !wanted ? null : wanted.index);
  }
  $("title").textContent = `Query ${work.state.query}`;
  document.title = `${count - left.length} of ${count} - Query ${work.state.query} - alkit`;
  $("progress").max = count;
  $("progress").value = count - left.length;
  $("count").textContent = `${count - left.length} of ${count}`;
  $("annotator").textContent = work.state.annotator ? `Answering as ${work.state.annotator}` : "";
  $("undone").hidden = $("again").hidden = work.undone === null;
  $("undone").textContent = work.undone === null ? "" : `Your answer '${named(work.undone.label)}'${several(work.undone.indices)} was undone and no longer counts.`;
  $("undo").setAttribute("aria-disabled", String(previous() === null));
  stage(said, left);
  showNote();
  showAlike();
  showTargets();
  if (document.activeElement?.closest("[hidden]")) $("stage").focus();
}

function move(index) {
  if (index === work.at && index !== null) return;
  if (index !== work.at) widget.clear();
  work.at = index;
  hideGuess();
}

/** Put the current image, or all that are left, or the end on the stage. */
function stage(said, left) {
  const many = work.grid && left.length > 0;
  document.body.classList.toggle("many", many);
  document.body.classList.toggle("ended", !left.length && work.at === null);
  $("zooming").hidden = $("reset").hidden = work.at === null;
  $("selecting").hidden = !many;
  $("grid").setAttribute("aria-pressed", String(work.grid));
  if (many) {
    view(null);
    showGrid();
    return say(`${said}${counted(left.length, "image")} to answer.`);
  }
  const ahead = left.map((image) => image.index).filter((index) => index !== work.at).slice(0, AHEAD);
  const wanted = work.at === null ? ahead : [work.at, ...ahead];
  keep(wanted);
  for (const index of wanted) load(index);
  if (work.at === null) {
    view(null);
    showEnd();
    return say(`${said}All images are answered.`);
  }
  const shown = load(work.at);
  shown.alt = `Image ${placeOf(work.at)} of ${work.state.images.length} to label`;
  if (shown.parentElement !== $("stage")) $("stage").replaceChildren(shown);
  view(shown);
  say(`${said}Image ${placeOf(work.at)} of ${work.state.images.length}.`);
  if (work.state.guesses && work.state.show_guess) showGuess();
}

const load = (index) => picture(index, { ready: fit, failed });

function failed(index) {
  if (index !== work.at) return;
  view(null);
  $("stage").textContent = "This image cannot be shown.";
}

/** Say how many images the next answer is for. */
function showTargets() {
  if (work.state === null || widget === null) return;
  const count = targets().length;
  const left = waiting().length > 0;
  widget.show(work.state, count > 0);
  for (const button of [$("abstain"), $("unusable")]) button.setAttribute("aria-disabled", String(count === 0));
  $("selected").hidden = !(work.grid && left) && count < 2;
  $("selected").textContent = count === 0 ? work.state.drawn ? "Select images, then give their answer." : "Select images, then choose their class." : `Your answer is for ${count} ${count === 1 ? "image" : "images"}.`;
}

/** Show many images at once, or one. */
function toggleGrid() {
  if (work.busy || !(waiting().length || work.grid)) return;
  work.grid = !work.grid;
  work.undone = null;
  $("stage").replaceChildren();
  show("");
  if (work.grid) focusGrid();
}

function lookAt(index) {
  work.wanted = index;
  toggleGrid();
  $("stage").focus();
}

// -- beginning ---------------------------------------------------------------------------------------------

listen({
  widget: () => widget,
  arrows: (key) => !work.grid && moveBy(key),
  commands: {
    0: () => answerOther("abstain"),
    "-": () => answerOther("unusable"),
    Backspace: back,
    Escape: again,
    "?": () => $("guess").hidden || showGuess(),
    "*": writeNote,
    "=": selectAlike,
    ".": zoomIn,
    ",": zoomOut,
    Home: reset,
    "#": toggleGrid,
    "!": toggleGuidelines,
  },
});
onSelection(showTargets);
onGrid(lookAt, showTargets);
onNext(goOn);
document.addEventListener("visibilitychange", look);
window.addEventListener("beforeunload", (event) => { if (work.state !== null && (work.busy || isWriting())) event.preventDefault(); });
$("abstain").addEventListener("click", () => answerOther("abstain"));
$("unusable").addEventListener("click", () => answerOther("unusable"));
$("give").addEventListener("click", () => widget.send());
$("undo").addEventListener("click", back);
$("again").addEventListener("click", again);
$("grid").addEventListener("click", toggleGrid);
setInterval(look, 1000 * SECONDS_TO_LOOK);
setBusy(false);
look();
