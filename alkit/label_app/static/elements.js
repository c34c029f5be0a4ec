// Elements of the page, and what the page says.

export const $ = (id) => document.getElementById(id);

/** Make an element; children may be texts, which are never taken for HTML. */
export function element(tag, properties = {}, ...children) {
  const { aria = {}, ...own } = properties;
  const made = Object.assign(document.createElement(tag), own);
  for (const [name, value] of Object.entries(aria)) made.setAttribute(`aria-${name}`, value);
  made.append(...children);
  return made;
}

/** Put a number before a noun. */
export const counted = (count, noun) => `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;

export const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1).replace(/\.?$/, ".");

/** Tell a screen reader something. */
export const say = (text) => { $("spoken").textContent = text; };

/** Show what is wrong, until it is empty again. */
export const trouble = (text) => { if ($("trouble").textContent !== text) $("trouble").textContent = text; };
