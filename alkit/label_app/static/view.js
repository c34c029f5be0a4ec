// How the image is shown: as large as fits, or enlarged, moved, brighter, with more contrast.
import { $ } from "./elements.js";

const SMALL = 128; // pixels per side up to which an image is scaled by a whole factor, with crisp squares
const SMALL_SHOWN = 448; // pixels per side of a small image on the page: larger squares are hard to recognize
const LARGEST_FIT = 4; // for other images
const LARGEST = 16; // of the page's pixels for one of the image's, or this many times as large as fits
const CRISP = 3; // from here on, the image's own pixels are squares
const STEP = 1.4; // of a key or a button
const MOVE = 0.15; // of the stage, by an arrow key

const fingers = new Map(); // pointers that are down
let image = null;
let fitting = 1; // factor at which the image fits
let factor = 1;
let x = 0; // of the image's middle, from the stage's
let y = 0;
let placed = () => {};

/** Call a function with where the image is, whenever that changes. */
export const onPlace = (call) => { placed = call; };

/** Show another image, as large as fits. */
export function view(other) {
  if (other !== image) factor = 0;
  image = other;
  fit();
}

/** Make the image as large as fits, unless it is enlarged; scale a small one by a whole factor. */
export function fit() {
  if (!image?.naturalWidth) return draw();
  const { clientWidth, clientHeight } = $("stage");
  const scale = Math.min(clientWidth / image.naturalWidth, clientHeight / image.naturalHeight);
  const side = Math.max(image.naturalWidth, image.naturalHeight);
  const enlarged = factor > fitting;
  fitting = side <= SMALL ? Math.max(1, Math.floor(Math.min(scale, SMALL_SHOWN / side))) : Math.min(scale, LARGEST_FIT);
  if (!enlarged) [factor, x, y] = [fitting, 0, 0];
  draw();
}

export const isEnlarged = () => image !== null && factor > fitting;

/** Enlarge by a factor; what is at a point of the window stays there, by default the middle of the stage. */
export function zoom(by, clientX, clientY) {
  if (!image?.naturalWidth) return;
  const box = $("stage").getBoundingClientRect();
  const left = clientX === undefined ? 0 : clientX - box.left - box.width / 2;
  const top = clientY === undefined ? 0 : clientY - box.top - box.height / 2;
  const next = Math.max(fitting, Math.min(factor * by, Math.max(LARGEST, fitting * LARGEST)));
  x = left - (left - x) * (next / factor);
  y = top - (top - y) * (next / factor);
  factor = next;
  draw();
}

export const zoomIn = () => zoom(STEP);
export const zoomOut = () => zoom(1 / STEP);

/** Move the enlarged image by pixels of the page. */
function move(right, down) {
  x += right;
  y += down;
  draw();
}

/** Move what is seen by an arrow key; return whether there was anything to move. */
export function moveBy(key) {
  const { clientWidth, clientHeight } = $("stage");
  const steps = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  if (!isEnlarged() || !(key in steps)) return false;
  move(steps[key][0] * MOVE * clientWidth, steps[key][1] * MOVE * clientHeight);
  return true;
}

/** Show the image as it is: as large as fits, with its own brightness and contrast. */
export function reset() {
  $("brightness").value = $("contrast").value = 100;
  factor = 0;
  fit();
  light();
}

function draw() {
  const there = Boolean(image?.naturalWidth);
  $("zoom-level").textContent = there ? `${Math.round(100 * factor)}%` : "";
  $("stage").classList.toggle("enlarged", there && isEnlarged());
  if (!there) return;
  const { clientWidth, clientHeight } = $("stage");
  const width = Math.round(image.naturalWidth * factor);
  const height = Math.round(image.naturalHeight * factor);
  const [across, along] = [Math.max(0, (width - clientWidth) / 2), Math.max(0, (height - clientHeight) / 2)];
  x = Math.max(-across, Math.min(across, x));
  y = Math.max(-along, Math.min(along, y));
  const small = Math.max(image.naturalWidth, image.naturalHeight) <= SMALL;
  image.classList.toggle("small", small || factor >= CRISP);
  image.width = width;
  image.height = height;
  const transform = `translate(${(clientWidth - width) / 2 + x}px, ${(clientHeight - height) / 2 + y}px)`;
  image.style.transform = transform;
  placed({ width, height, transform });
}

function light() {
  const [brightness, contrast] = [$("brightness").value, $("contrast").value];
  const filter = brightness === "100" && contrast === "100" ? "none" : `brightness(${brightness}%) contrast(${contrast}%)`;
  $("stage").style.setProperty("--light", filter);
}

// -- wheel, mouse, fingers ---------------------------------------------------------------------------------

function onWheel(event) {
  const scrolls = document.documentElement.scrollHeight > window.innerHeight;
  if (image === null || (scrolls && !event.ctrlKey && !isEnlarged())) return;
  event.preventDefault();
  const pixels = event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? 1 : 16);
  zoom(Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.002)), event.clientX, event.clientY);
}

function onDown(event) {
  if (image === null || event.button !== 0) return;
  fingers.set(event.pointerId, event);
  $("stage").setPointerCapture(event.pointerId);
}

function onMove(event) {
  const before = fingers.get(event.pointerId);
  if (before === undefined) return;
  const other = [...fingers.values()].find((finger) => finger.pointerId !== event.pointerId);
  fingers.set(event.pointerId, event);
  if (other === undefined) {
    if (isEnlarged()) move(event.clientX - before.clientX, event.clientY - before.clientY);
    return;
  }
  const apart = (finger) => Math.hypot(finger.clientX - other.clientX, finger.clientY - other.clientY);
  move((event.clientX - before.clientX) / 2, (event.clientY - before.clientY) / 2);
  zoom(apart(event) / Math.max(1, apart(before)), (event.clientX + other.clientX) / 2, (event.clientY + other.clientY) / 2);
}

const onUp = (event) => fingers.delete(event.pointerId);

/** Show the image's own pixels, or all of it. */
function onDouble(event) {
  if (image === null) return;
  if (isEnlarged()) zoom(0, event.clientX, event.clientY);
  else zoom(Math.max(1, 2 * fitting) / fitting, event.clientX, event.clientY);
}

const stage = $("stage");
stage.addEventListener("wheel", onWheel, { passive: false });
stage.addEventListener("pointerdown", onDown);
stage.addEventListener("pointermove", onMove);
stage.addEventListener("pointerup", onUp);
stage.addEventListener("pointercancel", onUp);
stage.addEventListener("dblclick", onDouble);
new ResizeObserver(fit).observe(stage);
$("zoom-in").addEventListener("click", zoomIn);
$("zoom-out").addEventListener("click", zoomOut);
$("reset").addEventListener("click", reset);
for (const slider of ["brightness", "contrast"]) $(slider).addEventListener("input", light);
