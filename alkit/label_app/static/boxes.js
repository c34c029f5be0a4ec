// Answers that are boxes: the model's can be corrected (classes, and boxes that are wrong) and sent, or there is nothing.
import * as classes from "./classes.js";
import { $, element, say } from "./elements.js";
import { focusBox, lay, lift, mark } from "./overlay.js";
import { work } from "./work.js";

const NOTHING = "Nothing here";
const CHOOSE = "Choose a box first, with Tab or a click.";
const CORRECT = "A class is for the chosen box, and Delete removes it. Enter sends all boxes.";

let give = () => {};
let state = null;
let boxes = null; // those that are shown and can be corrected; null if none are
let earlier = []; // the boxes before each correction
let chosen = null; // place of a box

export const fits = (given) => given.kind === "boxes";

export function prepare(given, give_) {
  [state, give] = [given, give_];
  clear();
}

export function show(given, open) {
  state = given;
  if (boxes !== null) classes.show(state, open, namesIn);
  else for (const button of $("classes").children) button.setAttribute("aria-disabled", String(!open));
  $("give").hidden = boxes === null;
}

export function clear() {
  [boxes, earlier, chosen] = [null, [], null];
  lift();
  classes.clear();
  $("filter").hidden = $("nothing").hidden = $("give").hidden = $("drop").hidden = $("empty").hidden = true;
  const button = element("button", { type: "button" }, element("kbd", { textContent: "1" }), element("span", { textContent: NOTHING }));
  button.setAttribute("aria-keyshortcuts", "1");
  button.addEventListener("click", sendNothing);
  $("classes").replaceChildren(button);
}

/** Show boxes to correct: those of a label, unless some of this image are being corrected already. */
export function offer(label) {
  if (boxes !== null) return;
  boxes = label === state.nothing ? [] : JSON.parse(label);
  classes.prepare(state, assign);
  $("drop").hidden = $("empty").hidden = $("give").hidden = false;
  draw();
  $("stage").focus();
}

export const inWords = (label) => (label === state.nothing ? NOTHING : label.startsWith("[") ? counted(JSON.parse(label)) : label);

export const about = (label, percent) =>
  label === state.nothing
    ? "The model finds nothing here. Enter accepts that."
    : `The model's boxes (${percent}% sure or more). Tab or a click chooses one to correct. Enter sends all.`;

export const typing = (event) => boxes !== null && !(event.key === "Enter" && $("filter").value === "") && classes.typing(event);

export function key(event) {
  if (boxes === null && event.key === "1") sendNothing();
  else if (boxes === null) return false;
  else if (event.key === "Delete") drop();
  else if (event.key !== "Enter") return classes.key(event);
  else if (event.target.closest("button:not(.box), a, summary")) return false;
  else send();
  event.preventDefault();
  return true;
}

/** Take back the latest correction; return whether there was one. */
export function takeBack() {
  if (!earlier.length) return false;
  [boxes, chosen] = earlier.pop();
  draw();
  focusBox(chosen);
  say("Correction undone.");
  return true;
}

export function send() {
  if (boxes !== null) give(boxes.length ? JSON.stringify(boxes) : state.nothing, boxes.length ? counted(boxes) : NOTHING);
}

const sendNothing = () => give(state.nothing, NOTHING);

const counted = (some) => (some.length === 1 ? "1 box" : `${some.length} boxes`);

const namesIn = ({ answer }) => (answer?.startsWith("[") ? [...new Set(JSON.parse(answer).map((box) => box.class))] : []);

/** Give the chosen box a class. */
function assign(name) {
  classes.clear();
  if (chosen === null) return refuse();
  if (boxes[chosen].class !== name) change(boxes.map((box, place) => (place === chosen ? { ...box, class: name } : box)), chosen);
  focusBox(chosen);
}

/** Remove the chosen box. */
function drop() {
  if (chosen === null) return refuse();
  change(boxes.filter((_, place) => place !== chosen), null);
  say("Box deleted.");
  $("stage").focus();
}

function refuse() {
  $("guessed").textContent = CHOOSE;
  $("guessed").hidden = false;
  say(CHOOSE);
}

function change(next, then) {
  earlier.push([boxes, chosen]);
  [boxes, chosen] = [next, then];
  draw();
}

function choose(place) {
  chosen = place;
  if ($("guessed").textContent === CHOOSE) $("guessed").textContent = CORRECT;
  marked();
}

function draw() {
  lay(boxes, work.state.images.find((image) => image.index === work.at).size, state.classes, choose);
  marked();
  $("give").querySelector("span").textContent = `${earlier.length ? "Answer" : "Accept"}: ${boxes.length ? counted(boxes) : NOTHING.toLowerCase()}`;
  if (earlier.length) $("undo").setAttribute("aria-disabled", "false");
}

function marked() {
  mark(chosen);
  $("drop").setAttribute("aria-disabled", String(chosen === null));
  for (const button of $("classes").children) button.setAttribute("aria-pressed", String(boxes[chosen]?.class === button.value));
}

$("drop").addEventListener("click", drop);
$("empty").addEventListener("click", sendNothing);
