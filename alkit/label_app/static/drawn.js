// Answers that are drawn, such as masks: what the model draws can be accepted, or there is nothing.
import { $, element } from "./elements.js";

const NOTHING = "Nothing here";
const ACCEPTED = "The model's drawing";

let give = () => {};
let words = []; // other answers
let nothing = null; // the label that says that there is nothing; null if none does
let suggested = null; // the label that the model draws, once it is shown

export const fits = (state) => state.drawn;

export function prepare(state, give_) {
  give = give_;
  nothing = state.nothing;
  words = state.words;
  $("filter").hidden = $("nothing").hidden = $("drop").hidden = $("empty").hidden = true;
  const button = element("button", { type: "button" }, element("kbd", { textContent: "1" }), element("span", { textContent: NOTHING }));
  button.setAttribute("aria-keyshortcuts", "1");
  button.addEventListener("click", sendNothing);
  $("classes").replaceChildren(...(nothing === null ? [] : [button]));
  clear();
}

export function show(state, open) {
  for (const button of $("classes").children) button.setAttribute("aria-disabled", String(!open));
  $("give").hidden = suggested === null;
}

/** Offer the label that the model draws, which is on the stage now. */
export function offer(label) {
  suggested = label;
  $("give").hidden = false;
  $("give").querySelector("span").textContent = `Accept: ${ACCEPTED.toLowerCase()}`;
}

export const about = (label, percent) => `The model's drawing (${percent}% sure). Enter accepts it.`;

export const inWords = (label) => (words.includes(label) ? label : label === nothing ? NOTHING : "A drawing");

export function clear() {
  suggested = null;
  $("give").hidden = true;
}

export const typing = () => false;

export function key(event) {
  if (event.key === "1" && nothing !== null) sendNothing();
  else if (event.key === "Enter" && suggested !== null && !event.target.closest("button, a, summary")) send();
  else return false;
  event.preventDefault();
  return true;
}

const sendNothing = () => give(nothing, NOTHING);

export function send() {
  if (suggested !== null) give(suggested, ACCEPTED);
}
