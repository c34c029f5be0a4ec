// The guidelines: built from a tree of known elements, never from HTML.
import { $, element } from "./elements.js";
import { ask } from "./server.js";

const PLAIN = ["p", "strong", "em", "ul", "ol", "li", "blockquote", "br", "hr", "code", "pre", "table", "thead", "tbody", "tr", "th", "td"];
const sections = new Map(); // what stands under the heading of a class, by its name in small letters

/** Fetch the guidelines once; only afterwards do classes have descriptions. */
export async function fetchGuidelines(state) {
  $("guide").hidden = !state.guidelines;
  if (!state.guidelines || $("guidelines").childElementCount) return;
  const reply = await ask("guidelines");
  if (!reply.ok) return;
  const made = reply.data.content.map(build);
  $("guidelines").replaceChildren(element("h2", { className: "unseen", textContent: "Guidelines" }), ...made);
  divide(reply.data.content, made);
}

export function toggleGuidelines() {
  if ($("guide").hidden) return;
  const open = $("guidelines").hidden;
  $("guidelines").hidden = !open;
  $("guide").setAttribute("aria-expanded", String(open));
  document.body.classList.toggle("guided", open);
}

/** Return the first paragraph about a class, or "". */
export function about(name) {
  const nodes = sections.get(fold(name)) ?? [];
  return nodes.find((node) => node.localName === "p" && node.textContent.trim())?.textContent ?? "";
}

/** Return a small copy of the first example of a class, or null. */
export function example(name) {
  for (const node of sections.get(fold(name)) ?? []) {
    const image = node.querySelector?.("img");
    if (image) return element("img", { className: "example", src: image.src, alt: "" });
  }
  return null;
}

/** Show what the guidelines say about a class, if they are open. */
export function scrollTo(name) {
  const nodes = sections.get(fold(name));
  if (!nodes || $("guidelines").hidden) return;
  $("guidelines").scrollTop = nodes[0].offsetTop - $("guidelines").offsetTop;
}

const fold = (text) => text.normalize("NFC").trim().toLowerCase();

function build(node) {
  if (typeof node === "string") return document.createTextNode(node);
  if (node.tag === "img") return element("img", { src: `example/${node.picture}`, alt: node.alt, loading: "lazy" });
  const tag = node.tag === "heading" ? `h${Math.min(6, node.level + 1)}` : PLAIN.includes(node.tag) ? node.tag : "span";
  return element(tag, {}, ...node.children.map(build));
}

/** Find what stands under each heading, up to the next heading that is not below it. */
function divide(content, made) {
  content.forEach((node, place) => {
    if (node.tag !== "heading") return;
    let end = place + 1;
    while (end < content.length && !(content[end].tag === "heading" && content[end].level <= node.level)) end++;
    sections.set(fold(made[place].textContent), made.slice(place, end));
  });
}

$("guide").addEventListener("click", toggleGuidelines);
for (const kind of ["focusin", "pointerover"]) {
  $("classes").addEventListener(kind, (event) => {
    const button = event.target.closest("button");
    if (button) scrollTo(button.value);
  });
}
