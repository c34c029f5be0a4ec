// The model's guess, hidden until somebody asks for it.
import { offer } from "./drawn.js";
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
  if (work.state.drawn && reply.ok) {
    draw(index, true);
    offer(reply.data.label);
  }
  const percent = Math.round(100 * reply.data.probability);
  $("guessed").textContent = reply.ok ? said(reply.data.label, percent) : sentence(reply.data.error);
  $("guessed").hidden = false;
  $("guess").setAttribute("aria-expanded", "true");
  if (!work.state.show_guess) say($("guessed").textContent);
}

const said = (label, percent) =>
  work.state.drawn
    ? `The model's drawing (${percent}% sure). Enter accepts it.`
    : `Model's guess: ${label} (${percent}%)`;

export function hideGuess() {
  if (work.state?.drawn && work.sawGuess && work.at !== null) draw(work.at, false);
  work.sawGuess = false;
  $("guessed").hidden = true;
  $("guess").setAttribute("aria-expanded", "false");
}

$("guess").addEventListener("click", showGuess);
