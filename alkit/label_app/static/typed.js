// Answers that are typed: numbers, and other labels where a task has no classes.
import { $ } from "./elements.js";

const field = $("filter");
let give = () => {};

export const fits = (state) => state.classes === null;

export function prepare(state, give_) {
  give = give_;
  field.hidden = false;
  field.value = "";
  const what = state.kind === "number" ? "number" : "label";
  field.placeholder = `Type a ${what}, then press Enter`;
  field.setAttribute("aria-label", what === "number" ? "Number" : "Label");
  $("classes").replaceChildren();
  $("nothing").hidden = true;
}

export function show() {}

export function clear() {
  field.value = "";
}

export function typing(event) {
  if (event.target !== field) return false;
  if (event.key === "Enter") {
    if (!event.repeat && field.value.trim()) give(field.value.trim());
    return true;
  }
  if (!field.value) return /^[-0-9.,/!#*=]$/.test(event.key); // these can begin a label
  if (event.key === "Escape") clear();
  return true;
}

export function key(event) {
  if (event.target === field || !/^[\p{L}1-9/]$/u.test(event.key)) return false;
  field.focus();
  if (event.key === "/") event.preventDefault();
  return true;
}
