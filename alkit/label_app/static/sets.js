// Answers that are a set of the campaign's classes: keys and buttons choose, Enter sends.
import * as classes from "./classes.js";
import { $ } from "./elements.js";

const chosen = new Set();
let give = () => {};

export const fits = (state) => state.kind === "classes";

export function prepare(state, give_) {
  give = give_;
  chosen.clear();
  classes.prepare(state, toggle);
  draw();
}

/** Show how many images have each class, among others. */
export function show(state, open) {
  classes.show(state, open, (image) => namesIn(image.answer, state.classes));
  $("give").setAttribute("aria-disabled", String(!open));
}

export function clear() {
  classes.clear();
  chosen.clear();
  draw();
}

export function typing(event) {
  return !(event.key === "Enter" && $("filter").value === "") && classes.typing(event);
}

export function key(event) {
  if (event.key !== "Enter") return classes.key(event);
  const button = event.target.closest("button, a, summary");
  if (button && !button.closest("#classes")) return false;
  event.preventDefault();
  send();
  return true;
}

function toggle(name) {
  if (!chosen.delete(name)) chosen.add(name);
  classes.clear();
  draw();
}

function draw() {
  for (const button of $("classes").children) button.setAttribute("aria-pressed", String(chosen.has(button.value)));
  $("give").querySelector("span").textContent = chosen.size ? `Answer: ${[...chosen].join(", ")}` : "Answer: none of them";
}

export function send() {
  give(JSON.stringify([...chosen]), [...chosen].join(", ") || "none");
}

function namesIn(answer, all) {
  if (!answer) return [];
  return answer.startsWith("[") && !all.includes(answer) ? JSON.parse(answer) : answer.split(";");
}

