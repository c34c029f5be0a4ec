// The model's guess, hidden until somebody asks for it.
import { widgetFor } from "./answers.js";
import { $, say, sentence } from "./elements.js";
import { draw } from "./pictures.js";
import { ask } from "./server.js";
import { work } from "./work.js";

export async function showGuess() {
  const index = work.at;
  if (index === null || !work.state.guesses) return;
  const reply = await ask(`guess/${work.state.query}/${index}`);
  if (index !== work.at) return;
  work.sawGuess = reply.ok;
  const { offer, about = guessed } = widgetFor(work.state);
  if (work.state.drawn && reply.ok) {
    if (paints()) draw(index, true);
    offer(reply.data.label);
  }
  const percent = Math.round(100 * reply.data.probability);
  $("guessed").textContent = reply.ok ? about(reply.data.label, percent) : sentence(reply.data.error);
  $("guessed").hidden = false;
  $("guess").setAttribute("aria-expanded", "true");
  if (!work.state.show_guess) say($("guessed").textContent);
}

const guessed = (label, percent) => `Model's guess: ${label} (${percent}%)`;

/** Whether the server paints what the model draws on the image; boxes are shown over it. */
const paints = () => work.state?.drawn && work.state.kind !== "boxes";

export function hideGuess() {
  if (paints() && work.sawGuess && work.at !== null) draw(work.at, false);
  work.sawGuess = false;
  $("guessed").hidden = true;
  $("guess").setAttribute("aria-expanded", "false");
}

$("guess").addEventListener("click", showGuess);
