// Many images at once: select those that are alike, and give them one answer.
import { $, element, say } from "./elements.js";
import { ask } from "./server.js";
import { placeOf, waiting, work } from "./work.js";

const MOST = 1000; // images that get an answer at once

const tiles = new Map(); // by index, kept so that images load once
const selected = new Set();
let query = null; // that the tiles are of
let order = null; // indices in an order of likeness; null: the order of the query
let anchor = null; // where a selection of many begins
let current = null; // index of the tile that Tab leads to
let look = () => {}; // shows an image alone
let changed = () => {};

/** Say what shows an image alone, and what to call whenever the selection changes. */
export function onGrid(look_, changed_) {
  look = look_;
  changed = changed_;
}

/** Return the selected images in the order in which they are shown. */
export const gridSelected = () => shown().filter((index) => selected.has(index));

/** Images that are still loading cannot be answered. */
export const areSeen = (indices) => indices.every((index) => tiles.get(index)?.querySelector("img").complete);

export function select(indices) {
  for (const index of indices) selected.add(index);
}

export function clearSelection() {
  selected.clear();
  drawSelection();
}

/** Show the images that wait for an answer. */
export function showGrid() {
  if (query !== work.state.query) {
    query = work.state.query;
    tiles.clear();
    selected.clear();
    order = null;
    $("by-likeness").setAttribute("aria-pressed", "false");
  }
  const indices = shown();
  for (const index of selected) if (!indices.includes(index)) selected.delete(index);
  let list = $("tiles");
  if (!list) {
    list = element("div", { id: "tiles", role: "listbox", aria: { multiselectable: true, label: "Images to answer" } });
    list.addEventListener("click", onClick);
    list.addEventListener("dblclick", (event) => onTile(event, look));
    list.addEventListener("keydown", onKey);
    $("stage").replaceChildren(list);
  }
  const focused = list.contains(document.activeElement);
  const wanted = indices.map(tile);
  if (wanted.length !== list.children.length || wanted.some((one, place) => one !== list.children[place])) list.replaceChildren(...wanted);
  if (!indices.includes(current)) current = indices[0] ?? null;
  drawSelection();
  if (focused) tiles.get(current)?.focus();
}

function shown() {
  const left = waiting().map((image) => image.index);
  if (order === null) return left;
  const places = new Map(order.map((index, place) => [index, place]));
  return left.sort((a, b) => places.get(a) - places.get(b));
}

function tile(index) {
  if (!tiles.has(index)) {
    const name = `Image ${placeOf(index)}`;
    const image = element("img", { src: `thumbnail/${query}/${index}`, alt: "", loading: "eager", draggable: false });
    const made = element("div", { role: "option", className: "tile", tabIndex: -1, aria: { label: name } }, image);
    image.onerror = () => { made.textContent = ""; made.append(image, "cannot be shown"); };
    made.dataset.index = index;
    tiles.set(index, made);
  }
  return tiles.get(index);
}

function drawSelection() {
  for (const [index, one] of tiles) {
    one.setAttribute("aria-selected", String(selected.has(index)));
    one.tabIndex = index === current ? 0 : -1;
  }
  changed();
}

function toggle(index, upTo) {
  const indices = shown();
  if (upTo && anchor !== null && indices.includes(anchor)) {
    const [from, to] = [indices.indexOf(anchor), indices.indexOf(index)].sort((a, b) => a - b);
    for (const one of indices.slice(from, to + 1)) selected.add(one);
  } else if (!selected.delete(index)) selected.add(index);
  while (selected.size > MOST) selected.delete([...selected].at(-1));
  anchor = current = index;
  drawSelection();
}

function onTile(event, call) {
  const found = event.target.closest(".tile");
  if (found) call(Number(found.dataset.index), event);
}

function onClick(event) {
  onTile(event, (index) => {
    toggle(index, event.shiftKey);
    tiles.get(index).focus();
  });
}

function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === " " || event.key === "Enter") {
    event.preventDefault();
    event.stopPropagation();
    if (event.repeat) return;
    onTile(event, event.key === " " ? (index) => toggle(index, event.shiftKey) : look);
  } else if (goTo(event.key)) {
    event.preventDefault();
    event.stopPropagation();
    if (event.shiftKey) toggle(current, true);
    else drawSelection();
    tiles.get(current).focus();
  }
}

/** Go to a neighboring tile by an arrow key; return whether it was one. */
function goTo(key) {
  const indices = shown();
  const across = getComputedStyle($("tiles")).gridTemplateColumns.split(" ").length;
  const last = indices.length - 1;
  const at = Math.max(0, indices.indexOf(current));
  const next = { ArrowLeft: at - 1, ArrowRight: at + 1, ArrowUp: at - across, ArrowDown: at + across, Home: 0, End: last }[key];
  if (next === undefined) return false;
  if (anchor === null) anchor = current;
  if (next >= 0 && next <= last) current = indices[next];
  return true;
}

export function focusGrid() {
  tiles.get(current)?.focus();
}

async function byLikeness() {
  const button = $("by-likeness");
  const pressed = button.getAttribute("aria-pressed") !== "true";
  if (!pressed) order = null;
  else {
    const reply = await ask(`order/${query}`);
    if (!reply.ok || !reply.data.ready) return say("The images are still being compared; try again in a moment.");
    order = reply.data.order;
  }
  button.setAttribute("aria-pressed", String(pressed));
  if (work.grid) showGrid();
}

$("by-likeness").addEventListener("click", byLikeness);
$("select-all").addEventListener("click", () => {
  const indices = shown().slice(0, MOST);
  if (indices.every((index) => selected.has(index))) selected.clear();
  else select(indices);
  drawSelection();
});
