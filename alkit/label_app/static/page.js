// The labeling page: shows an image, takes an answer, and continues once the server has recorded it.
"use strict";

const AHEAD = 3; // images to load in advance
const MANY = 9; // with more classes than this, the user types to search
const SMALL = 128; // pixels per side up to which an image is scaled by a whole factor, with crisp squares
const SMALL_SHOWN = 448; // pixels per side of a small image on the page: larger squares are hard to recognize
const LARGEST_SCALE = 4; // for other images
const SECONDS_TO_RETRY = 2;
const SECONDS_TO_LOOK = 15; // between checks for changes by other pages and commands
const SLOW = 400; // milliseconds until the page says that an answer is being recorded

const $ = (id) => document.getElementById(id);
const pictures = new Map();
let state = null; // the server's latest state
let at = null; // index of the current image, null if all are answered
let undone = null; // the answer to the current image that was undone, otherwise null
let sawGuess = false;
let busy = true;
let offline = false; // the server did not answer the last check

// -- talking to the server ---------------------------------------------------------------------------------

/** Return {ok, status, data}; status is 0 if the server does not answer at all. */
async function ask(path, body) {
  const options = body && {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  try {
    const response = await fetch(path, { ...options, cache: "no-store" });
    return { ok: response.ok, status: response.status, data: await response.json() };
  } catch {
    return { ok: false, status: 0, data: { error: "'alkit label' is not responding; if it has stopped, start it again and open its new address." } };
  }
}

const wait = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

/** Send an answer, repeatedly until it is recorded or refused. */
async function answer(label) {
  if (busy || at === null || !isSeen()) return;
  busy = true;
  const slow = setTimeout(() => say("Recording..."), SLOW);
  const given = { query: state.query, index: at, label, saw_guess: sawGuess };
  let reply = await ask("answer", given);
  while (!reply.ok && !(reply.status >= 400 && reply.status < 500)) {
    trouble(`Not recorded yet: '${label}'. ${sentence(reply.data.error)} The page keeps trying.`);
    await wait(SECONDS_TO_RETRY);
    reply = await ask("answer", given);
  }
  clearTimeout(slow);
  busy = false;
  trouble(reply.ok ? "" : `Not recorded: '${label}'. ${sentence(reply.data.error)}`);
  if (!reply.ok) return;
  $("filter").value = "";
  undone = null;
  take(reply.data, `${label} recorded. `);
}

/** Check for changes by other pages and commands. */
async function look() {
  if (busy || document.hidden) return;
  const reply = await ask("state");
  if (busy) return;
  if (reply.ok === offline) trouble(reply.ok ? "" : sentence(reply.data.error));
  offline = !reply.ok;
  if (offline) return;
  if (state === null) {
    state = reply.data;
    prepare();
  }
  take(reply.data, "");
}

/** Show a new state; switch to another query only when the user asks to. */
function take(next, said) {
  if (next.query !== state.query) {
    const done = state.images.every((image) => image.answer !== null) || at === null;
    const how = done ? "is now open" : `has replaced query ${state.query}, which needs no more answers`;
    $("news-text").textContent = `${said}Query ${next.query} ${how}.`;
    $("news-go").onclick = () => { state = next; $("news").hidden = true; prepare(); show(""); };
    $("news").hidden = false;
    return;
  }
  const same = JSON.stringify(next) === JSON.stringify(state);
  const classesChanged = JSON.stringify(next.classes) !== JSON.stringify(state.classes);
  state = next;
  if (classesChanged) prepare();
  if (!same || said || at === null) show(said);
}

// -- the current image -------------------------------------------------------------------------------------

const waiting = () => state.images.filter((image) => image.answer === null);

/** Show the image whose answer was undone, otherwise the first image without an answer. */
function show(said) {
  const left = waiting();
  if (undone === null) move(left.length ? left[0].index : null);
  const count = state.images.length;
  $("title").textContent = `Query ${state.query}`;
  document.title = `${count - left.length} of ${count} - Query ${state.query} - alkit`;
  $("progress").max = count;
  $("progress").value = count - left.length;
  $("count").textContent = `${count - left.length} of ${count}`;
  $("annotator").textContent = state.annotator ? `Answering as ${state.annotator}` : "";
  $("undone").hidden = $("again").hidden = undone === null;
  $("undone").textContent = undone === null ? "" : `Your answer '${undone}' was undone and no longer counts.`;
  $("undo").setAttribute("aria-disabled", String(previous() === null));
  for (const button of [$("abstain"), $("unusable"), ...$("classes").children]) {
    button.setAttribute("aria-disabled", String(at === null));
  }
  for (const button of $("classes").children) {
    const tally = state.images.filter((image) => image.answer === button.value).length;
    button.querySelector(".tally").textContent = tally || "";
  }
  stage(said);
  filter();
  if (document.activeElement?.closest("[hidden]")) $("stage").focus();
}

function move(index) {
  if (index === at && index !== null) return;
  at = index;
  sawGuess = false;
  hideGuess();
}

/** Put the image on the stage, load the next ones, and drop the others. */
function stage(said) {
  const ahead = waiting().map((image) => image.index).filter((index) => index !== at).slice(0, AHEAD);
  const wanted = at === null ? ahead : [at, ...ahead];
  for (const index of pictures.keys()) if (!wanted.includes(index)) pictures.delete(index);
  for (const index of wanted) picture(index);
  if (at === null) {
    const strong = document.createElement("strong");
    strong.textContent = `All ${state.images.length} images are answered.`;
    const command = document.createElement("code");
    command.textContent = state.next;
    const line = document.createElement("p");
    line.append(strong, "Thank you. To get the next query, run: ", command);
    $("stage").replaceChildren(line);
    return say(`${said}All images are answered.`);
  }
  const place = state.images.findIndex((image) => image.index === at) + 1;
  const shown = picture(at);
  shown.alt = `Image ${place} of ${state.images.length} to label`;
  if (shown.parentElement !== $("stage")) $("stage").replaceChildren(shown);
  fit();
  say(`${said}Image ${place} of ${state.images.length}.`);
  if (state.guesses && state.show_guess) showGuess();
}

function picture(index) {
  if (!pictures.has(index)) {
    const image = new Image();
    image.src = `image/${state.query}/${index}`;
    image.onload = fit;
    image.onerror = () => {
      if (index === at) $("stage").textContent = "This image cannot be shown.";
    };
    pictures.set(index, image);
  }
  return pictures.get(index);
}

/** No answer is taken while the image is loading; an image that cannot be shown can be answered. */
const isSeen = () => picture(at).complete;

/** Make the image as large as fits; scale a small one by a whole factor. */
function fit() {
  const image = at === null ? null : pictures.get(at);
  if (!image?.naturalWidth) return;
  const { clientWidth, clientHeight } = $("stage");
  const scale = Math.min(clientWidth / image.naturalWidth, clientHeight / image.naturalHeight);
  const side = Math.max(image.naturalWidth, image.naturalHeight);
  const small = side <= SMALL;
  const factor = small ? Math.max(1, Math.floor(Math.min(scale, SMALL_SHOWN / side))) : Math.min(scale, LARGEST_SCALE);
  image.classList.toggle("small", small);
  image.width = Math.round(image.naturalWidth * factor);
  image.height = Math.round(image.naturalHeight * factor);
}

// -- undo --------------------------------------------------------------------------------------------------

/** Return the image that this annotator answered last in the query, null if there is none. */
function previous() {
  const said = state.images.filter((image) => image.said).sort((a, b) => b.said - a.said);
  return said.length ? said[0] : null;
}

/** Undo the latest answer, and show its image again. */
async function undo() {
  const latest = busy ? null : previous();
  if (latest === null) return;
  busy = true;
  const reply = await ask("undo", { query: state.query, index: latest.index });
  busy = false;
  trouble(reply.ok ? "" : `Not undone. ${sentence(reply.data.error)}`);
  if (!reply.ok) return;
  const { taken_back: label, ...next } = reply.data;
  move(latest.index);
  undone = label;
  show("");
  take(next, `${label} undone. `);
}

function again() {
  if (undone !== null) answer(undone);
}

// -- the model's guess -------------------------------------------------------------------------------------

async function showGuess() {
  const index = at;
  if (index === null || !state.guesses) return;
  const reply = await ask(`guess/${state.query}/${index}`);
  if (index !== at) return;
  sawGuess = reply.ok;
  const percent = Math.round(100 * reply.data.probability);
  $("guessed").textContent = reply.ok ? `Model's guess: ${reply.data.label} (${percent}%)` : sentence(reply.data.error);
  $("guessed").hidden = false;
  $("guess").setAttribute("aria-expanded", "true");
  if (!state.show_guess) say($("guessed").textContent);
}

function hideGuess() {
  $("guessed").hidden = true;
  $("guess").setAttribute("aria-expanded", "false");
}

// -- classes -----------------------------------------------------------------------------------------------

const isMany = () => state.classes === null || state.classes.length > MANY;

function prepare() {
  at = undone = null;
  pictures.clear();
  $("filter").hidden = !isMany();
  $("filter").value = "";
  $("filter").placeholder = state.classes === null ? "Type a label, then press Enter" : `Type to search ${state.classes.length} classes`;
  $("filter").setAttribute("aria-label", state.classes === null ? "Label" : "Find a class");
  $("guess").hidden = !state.guesses || state.show_guess;
  for (const word of ["abstain", "unusable"]) $(word).hidden = !state.words.includes(word);
  $("classes").replaceChildren(...(state.classes ?? []).map(classButton));
}

function classButton(name, place) {
  const button = document.createElement("button");
  const key = document.createElement("kbd");
  const text = document.createElement("span");
  const tally = document.createElement("span");
  button.type = "button";
  button.value = name;
  key.textContent = place < 9 ? place + 1 : "";
  text.textContent = name;
  tally.className = "tally";
  tally.setAttribute("aria-hidden", "true");
  if (place < 9) button.setAttribute("aria-keyshortcuts", place + 1);
  button.append(key, text, tally);
  button.addEventListener("click", () => answer(name));
  return button;
}

/** Return how far a class is from the typed text: 0 is the best match, Infinity is no match. */
function distance(name, typed) {
  const low = name.toLowerCase();
  if (low === typed) return 0;
  if (low.startsWith(typed)) return 1;
  if (low.split(/[^\p{L}\p{N}]+/u).some((word) => word.startsWith(typed))) return 2;
  return low.includes(typed) ? 3 : Infinity;
}

/** Show the classes that match the typed text, the best match first. */
function filter() {
  if (!state.classes) return;
  const typed = $("filter").value.trim().toLowerCase();
  const order = new Map(state.classes.map((name, place) => [name, typed ? distance(name, typed) * 1e6 + place : place]));
  const buttons = [...$("classes").children].sort((a, b) => order.get(a.value) - order.get(b.value));
  const first = buttons[0];
  for (const button of buttons) {
    const place = state.classes.indexOf(button.value);
    const key = button.querySelector("kbd");
    button.hidden = order.get(button.value) === Infinity;
    key.textContent = typed ? (button === first ? "↵" : "") : place < 9 ? place + 1 : "";
  }
  if (buttons.some((button, place) => button !== $("classes").children[place])) $("classes").replaceChildren(...buttons);
  $("nothing").hidden = !buttons.every((button) => button.hidden);
}

function takeTyped() {
  const typed = $("filter").value.trim();
  if (!typed) return;
  if (state.classes === null) return answer(typed);
  const first = $("classes").querySelector("button:not([hidden])");
  if (first) answer(first.value);
}

// -- keys, buttons, messages -------------------------------------------------------------------------------

const COMMANDS = {
  0: () => answerOther("abstain"),
  "-": () => answerOther("unusable"),
  Backspace: undo,
  Escape: again,
  "?": () => $("guess").hidden || showGuess(),
};

function answerOther(word) {
  if (state.words.includes(word)) answer(word);
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || state === null) return;
  const { key, target } = event;
  if (event.repeat && (key === "Enter" || key === " ") && target !== $("filter")) return event.preventDefault();
  const field = $("filter");
  const typing = target === field;
  if (typing && key === "Enter") return event.repeat || takeTyped();
  if (typing && key === "Escape" && field.value) {
    field.value = "";
    return filter();
  }
  if (event.repeat || (typing && field.value) || (!$("keys").checked && key !== "Escape")) return;
  if (/^[1-9]$/.test(key) && state.classes !== null) {
    event.preventDefault();
    const name = state.classes[Number(key) - 1];
    if (name !== undefined) answer(name);
  } else if (key in COMMANDS && !(state.classes === null && typing && /^[-0]$/.test(key))) {
    event.preventDefault();
    COMMANDS[key]();
  } else if (!typing && isMany() && /^[\p{L}\p{N}]$/u.test(key)) {
    field.focus();
  }
}

const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1).replace(/\.?$/, ".");
const say = (text) => { $("spoken").textContent = text; };
const trouble = (text) => { if ($("trouble").textContent !== text) $("trouble").textContent = text; };

document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", look);
window.addEventListener("beforeunload", (event) => { if (busy && state !== null) event.preventDefault(); });
$("filter").addEventListener("input", filter);
$("abstain").addEventListener("click", () => answerOther("abstain"));
$("unusable").addEventListener("click", () => answerOther("unusable"));
$("undo").addEventListener("click", undo);
$("again").addEventListener("click", again);
$("guess").addEventListener("click", showGuess);
new ResizeObserver(fit).observe($("stage"));
setInterval(look, 1000 * SECONDS_TO_LOOK);
busy = false;
look();
