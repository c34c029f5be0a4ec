// The images of the query: loaded in advance, and dropped when they are done.
import { work } from "./work.js";

const loaded = new Map();

/** Return the image element of an index; `ready` is called when it can be drawn, `failed` if it cannot. */
export function picture(index, { ready, failed }) {
  if (!loaded.has(index)) {
    const image = new Image();
    image.draggable = false;
    image.onload = ready;
    image.onerror = () => failed(index);
    image.src = `image/${work.state.query}/${index}`;
    loaded.set(index, image);
  }
  return loaded.get(index);
}

/** Show an image with what the model draws on it, or without. */
export function draw(index, on) {
  const image = loaded.get(index);
  if (image) image.src = `${on ? "drawn" : "image"}/${work.state.query}/${index}`;
}

/** Drop all images but some. */
export function keep(indices) {
  for (const index of loaded.keys()) if (!indices.includes(index)) loaded.delete(index);
}

/** No answer is taken while an image is loading; an image that cannot be shown can be answered. */
export const isSeen = (index) => loaded.get(index)?.complete ?? false;
