// Keys of the whole page.
import { $ } from "./elements.js";
import { work } from "./work.js";

const REPEATABLE = [".", ",", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"];
const OF_SLIDERS = [...REPEATABLE.slice(2), "Home", "End", "PageUp", "PageDown"];

/** Let keys do what they stand for.
 *
 * widget: returns the widget of the current answers.
 * commands: what to do for a key.
 * arrows: takes an arrow key, and returns whether it did anything.
 */
export function listen({ widget, commands, arrows }) {
  document.addEventListener("keydown", (event) => {
    const { key, target } = event;
    const chord = (event.ctrlKey || event.altKey) && !event.getModifierState("AltGraph");
    if (chord || event.metaKey || event.isComposing || work.state === null) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.repeat && (key === "Enter" || key === " ") && target !== $("filter")) return event.preventDefault();
    if (target.matches("input") && target !== $("filter") && !isSlider(target)) return;
    if (isSlider(target) && OF_SLIDERS.includes(key)) return;
    if (widget().typing(event)) return;
    if (event.repeat && !REPEATABLE.includes(key)) return;
    if (!$("keys").checked && key !== "Escape") return;
    if (arrows(key)) return event.preventDefault();
    if (key in commands) {
      event.preventDefault();
      commands[key]();
    } else widget().key(event);
  });
}

const isSlider = (target) => target.matches("input[type='range']");

$("help").addEventListener("click", () => $("keys-dialog").showModal());
