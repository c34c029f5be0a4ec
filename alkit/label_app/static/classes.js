// Answers that are one of the campaign's classes: a button each, keys, and a search where there are many.
import { $, element } from "./elements.js";
import { about, example } from "./guidelines.js";

const MANY = 9; // with more classes than this, the user types to search
const LONGEST = 24; // characters of a code

const field = $("filter");
let names = [];
let codes = new Map();
let give = () => {};
let searching = false; // whatever is typed belongs to the search

const isMany = () => names.length > MANY;

export const fits = (state) => state.kind === "class";

export function prepare(state, give_) {
  give = give_;
  names = state.classes;
  codes = codesOf(names);
  field.hidden = !isMany();
  field.value = "";
  field.placeholder = `Type to search ${names.length} classes`;
  field.setAttribute("aria-label", "Find a class");
  $("classes").replaceChildren(...names.map(classButton));
  filter();
}

/** Show how many images have each class, and whether an answer can be given. */
export function show(state, open, namesOf = (image) => [image.answer]) {
  for (const button of $("classes").children) {
    const tally = state.images.filter((image) => namesOf(image).includes(button.value)).length;
    button.querySelector(".tally").textContent = tally || "";
    button.setAttribute("aria-disabled", String(!open));
  }
}

export function clear() {
  searching = false;
  if (field.value === "") return;
  field.value = "";
  filter();
}

export function typing(event) {
  if (event.target !== field) return false;
  if (event.key === "Enter") {
    if (!event.repeat) takeTyped();
    return true;
  }
  if (!field.value && !searching) return false;
  if (event.key === "Escape") clear();
  return true;
}

export function key(event) {
  if (/^[1-9]$/.test(event.key)) {
    event.preventDefault();
    const name = names[Number(event.key) - 1];
    if (name !== undefined) give(name);
    return true;
  }
  if (!isMany() || !/^[\p{L}/]$/u.test(event.key)) return false;
  field.focus();
  searching = event.key === "/";
  if (searching) event.preventDefault();
  return true;
}

function classButton(name, place) {
  const button = element("button", { type: "button", value: name },
    element("kbd", { textContent: keyOf(name, place) }),
    element("span", { textContent: name }),
    element("span", { className: "tally", ariaHidden: "true" }));
  if (place < MANY) button.setAttribute("aria-keyshortcuts", place + 1);
  const text = about(name);
  if (text) button.title = text;
  const picture = example(name);
  if (picture) button.append(picture);
  button.addEventListener("click", () => give(name));
  return button;
}

const keyOf = (name, place) => (place < MANY ? String(place + 1) : codes.get(name) ?? "");

/** Return what to type for each class beyond the first ones: as little of its name as finds it first. */
function codesOf(all) {
  const low = all.map((name) => name.toLowerCase());
  const exact = new Map();
  const first = new Map(); // the first class that begins with a text
  low.forEach((name, place) => {
    if (!exact.has(name)) exact.set(name, place);
    for (let length = 1; length <= Math.min(name.length, LONGEST); length++) {
      const text = name.slice(0, length);
      if (!first.has(text)) first.set(text, place);
    }
  });
  const found = new Map();
  low.forEach((name, place) => {
    for (let length = 1; length <= Math.min(name.length, LONGEST); length++) {
      const text = name.slice(0, length);
      if ((exact.get(text) ?? first.get(text)) !== place || text.endsWith(" ")) continue;
      found.set(all[place], `${/^\p{L}/u.test(text) ? "" : "/"}${text}↵`);
      break;
    }
  });
  return found;
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
  const typed = field.value.trim().toLowerCase();
  const order = new Map(names.map((name, place) => [name, typed ? distance(name, typed) * 1e6 + place : place]));
  const buttons = [...$("classes").children].sort((a, b) => order.get(a.value) - order.get(b.value));
  for (const button of buttons) {
    const key = button.querySelector("kbd");
    button.hidden = order.get(button.value) === Infinity;
    key.textContent = typed ? (button === buttons[0] ? "↵" : "") : keyOf(button.value, names.indexOf(button.value));
  }
  if (buttons.some((button, place) => button !== $("classes").children[place])) $("classes").replaceChildren(...buttons);
  $("nothing").hidden = !buttons.length || !buttons.every((button) => button.hidden);
}

function takeTyped() {
  if (!field.value.trim()) return;
  const first = $("classes").querySelector("button:not([hidden])");
  if (first) give(first.value);
}

field.addEventListener("blur", () => { searching = false; });
field.addEventListener("input", () => { if (names.length) filter(); });
