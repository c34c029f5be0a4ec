// The model's guess, hidden until somebody asks for it.
import { $, say, sentence } from "./elements.js";
import { ask } from "./server.js";
import { work } from "./work.js";

export async function showGuess() {
  const index = work.at;
  if (index === null || !work.state.guesses) return;
  const reply = await ask(`guess/${work.state.query}/${index}`);
  if (index !== work.at) return;
  work.sawGuess = reply.ok;
  const percent = Math.round(100 * reply.data.probability);
  $("guessed").textContent = reply.ok ? `Model's guess: ${reply.data.label} (${percent}%)` : sentence(reply.data.error);
  $("guessed").hidden = false;
  $("guess").setAttribute("aria-expanded", "true");
  if (!work.state.show_guess) say($("guessed").textContent);
}

export function hideGuess() {
  work.sawGuess = false;
  $("guessed").hidden = true;
  $("guess").setAttribute("aria-expanded", "false");
}

$("guess").addEventListener("click", showGuess);
