// Boxes over the image, one of which is chosen by Tab, a click or a finger.
import { $, element } from "./elements.js";
import { onPlace } from "./view.js";

const DRAG = 5; // pixels of the page from which a click was a drag
const TOP = 0.08; // of the image's height: names of boxes above it are shown inside them
const TURN = 137.5; // degrees between the hues of two classes

const layer = element("div", { id: "boxes", role: "group", aria: { label: "Boxes" } });
let boxes = [];
let size = [1, 1]; // width and height of the image in its own pixels
let choose = () => {};
let down = null;

/** Show boxes over the image; `onChoose` is called with the place of one that is chosen. */
export function lay(shown, ofImage, classes, onChoose) {
  [boxes, size, choose] = [shown, ofImage, onChoose];
  layer.replaceChildren(...boxes.map((box, place) => frame(box, place, classes)));
  if (layer.parentElement !== $("stage")) $("stage").append(layer);
}

export function lift() {
  boxes = [];
  layer.remove();
}

/** Mark a box as the chosen one; null for none. */
export function mark(place) {
  [...layer.children].forEach((one, number) => one.setAttribute("aria-pressed", String(number === place)));
}

export const focusBox = (place) => layer.children[place]?.focus({ preventScroll: true });

function frame(box, place, classes) {
  const made = element("button", { type: "button", className: box.crowd ? "box crowd" : "box" }, element("span", { textContent: box.class }));
  made.setAttribute("aria-label", `${box.class}, box ${place + 1} of ${boxes.length}`);
  made.classList.toggle("high", box.y < TOP * size[1]);
  made.style.setProperty("--hue", Math.round(TURN * classes.indexOf(box.class)) % 360);
  const sides = { left: box.x / size[0], top: box.y / size[1], width: box.width / size[0], height: box.height / size[1] };
  for (const [side, part] of Object.entries(sides)) made.style[side] = `${100 * part}%`;
  made.addEventListener("focus", () => choose(place));
  return made;
}

/** Return the places of the boxes at a point of the window, the smallest box first. */
function boxesAt(clientX, clientY) {
  const whole = layer.getBoundingClientRect();
  const [x, y] = [((clientX - whole.left) / whole.width) * size[0], ((clientY - whole.top) / whole.height) * size[1]];
  const area = (place) => boxes[place].width * boxes[place].height;
  const inside = ({ x: left, y: top, width, height }) => x >= left && x <= left + width && y >= top && y <= top + height;
  return boxes.map((_, place) => place).filter((place) => inside(boxes[place])).sort((a, b) => area(a) - area(b));
}

/** Choose the smallest box at a point; the next larger one if that is chosen already. */
function onClick(event) {
  const moved = down !== null && event.detail > 0 && Math.hypot(event.clientX - down.clientX, event.clientY - down.clientY) > DRAG;
  if (!boxes.length || moved || event.target.closest(".box")) return;
  const found = boxesAt(event.clientX, event.clientY);
  if (!found.length) return;
  const current = found.findIndex((place) => layer.children[place].getAttribute("aria-pressed") === "true");
  focusBox(found[(current + 1) % found.length]);
}

const stage = $("stage");
stage.addEventListener("pointerdown", (event) => { down = event; }, true);
stage.addEventListener("click", onClick);
stage.addEventListener("dblclick", (event) => { if (boxesAt(event.clientX, event.clientY).length) event.stopImmediatePropagation(); }, true);
onPlace(({ width, height, transform }) => {
  Object.assign(layer.style, { width: `${width}px`, height: `${height}px`, transform });
});
