// Images that are nearly the same as the current one; they get its answer only if somebody selects them.
import { $, element } from "./elements.js";
import { ask, wait } from "./server.js";
import { work } from "./work.js";

const SECONDS_TO_ASK_AGAIN = 2;

let shown = null; // the image whose neighbors are shown, as `query/index`
let changed = () => {};

/** Call something whenever the selection changes. */
export function onSelection(call) {
  changed = call;
}

const buttons = () => [...$("alike-images").children];
const isSelected = (button) => button.getAttribute("aria-pressed") === "true";

/** Return the selected images. */
export const alikeSelected = () => buttons().filter(isSelected).map((button) => Number(button.value));

/** Show the neighbors of the current image, if it has any. */
export async function showAlike() {
  const key = work.at === null ? null : `${work.state.query}/${work.at}`;
  if (key === shown) return;
  shown = key;
  hide();
  if (key === null) return;
  let reply = await ask(`alike/${key}`);
  while (reply.ok && !reply.data.ready && key === shown) {
    await wait(SECONDS_TO_ASK_AGAIN);
    reply = await ask(`alike/${key}`);
  }
  if (!reply.ok || key !== shown || !reply.data.images.length) return;
  $("alike-images").replaceChildren(...reply.data.images.map(neighbor));
  $("alike-all").hidden = !reply.data.images.some((image) => image.open);
  $("alike").hidden = false;
}

/** Select all neighbors that have no answer yet, or none. */
export function selectAlike() {
  const open = buttons().filter((button) => !button.disabled);
  const all = open.every(isSelected);
  for (const button of open) button.setAttribute("aria-pressed", String(!all));
  changed();
}

function hide() {
  $("alike").hidden = true;
  $("alike-images").replaceChildren();
  changed();
}

function neighbor({ index, open }, place) {
  const name = `Similar image ${place + 1}${open ? "" : ", answered already"}`;
  const image = element("img", { src: `thumbnail/${work.state.query}/${index}`, alt: name });
  const button = element("button", { type: "button", value: index, disabled: !open, title: open ? "" : "Answered already" }, image);
  button.setAttribute("aria-pressed", "false");
  button.addEventListener("click", () => {
    button.setAttribute("aria-pressed", String(!isSelected(button)));
    changed();
  });
  return button;
}

$("alike-all").addEventListener("click", selectAlike);
