// The end of a query: asking for the next images, with the progress of the training.
import { $, counted, element, say, sentence } from "./elements.js";
import { ask, wait } from "./server.js";
import { work } from "./work.js";

const SECONDS_TO_FOLLOW = 0.5;

let following = false;
let arrived = () => {};

/** Say what to call when the next query is there. */
export function onNext(call) {
  arrived = call;
}

/** Show that all images are answered, and how to get more. */
export function showEnd() {
  const count = work.state.images.length;
  if (!$("end")) $("stage").replaceChildren(built());
  $("end").querySelector("strong").textContent = count === 1 ? "The image is answered." : `All ${count} images are answered.`;
  $("command").textContent = work.state.next;
  const most = work.state.left;
  const field = $("next-size");
  field.max = most;
  if (!field.value) field.value = Math.min(count, most);
  draw(work.state.asking);
  if (work.state.asking?.running) follow();
}

function built() {
  const size = element("input", { id: "next-size", type: "number", min: 1, required: true });
  const form = element("form", { id: "next" },
    element("label", {}, "Ask for the next ", size, " images"),
    element("button", { id: "next-go" }, element("span", { textContent: "Ask" })));
  form.noValidate = true;
  form.addEventListener("submit", start);
  const stop = element("button", { id: "next-stop", type: "button" }, element("span", { textContent: "Stop" }));
  stop.addEventListener("click", () => ask("stop", {}));
  const progress = element("progress", { id: "next-progress", aria: { labelledby: "next-text" } });
  return element("div", { id: "end" },
    element("p", {}, element("strong"), "Thank you."),
    form,
    element("p", { id: "next-trouble", role: "alert" }),
    element("div", { id: "next-shown", hidden: true }, element("p", { id: "next-text" }), progress, element("p", { id: "next-line" }), stop),
    element("p", { id: "instead" }, "Or choose them in a terminal: ", element("code", { id: "command" })));
}

async function start(event) {
  event.preventDefault();
  const images = Number($("next-size").value);
  if (!Number.isInteger(images) || images < 1) {
    $("next-trouble").textContent = "Ask for a whole number of images, at least 1.";
    return;
  }
  $("next-trouble").textContent = "";
  const reply = await ask("ask", { images });
  if (!reply.ok) {
    $("next-trouble").textContent = sentence(reply.data.error);
    return;
  }
  work.state.asking = reply.data.asking;
  say("The next images are being chosen.");
  draw(reply.data.asking);
  follow();
}

/** Follow the choice of images to its end. */
async function follow() {
  if (following) return;
  following = true;
  let asking = work.state.asking;
  while (asking?.running) {
    await wait(SECONDS_TO_FOLLOW);
    const reply = await ask("asking");
    if (!reply.ok) continue;
    asking = reply.data.asking;
    draw(asking);
  }
  following = false;
  work.state.asking = asking;
  if (asking?.error) say(sentence(asking.error));
  else arrived();
}

function draw(asking) {
  if (!$("end")) return;
  const running = Boolean(asking?.running);
  const none = work.state.left < 1;
  $("next").hidden = running || none;
  $("instead").hidden = running || none;
  $("next-shown").hidden = !running;
  if (none && !running) {
    $("next-trouble").textContent = "";
    $("end").querySelector("p").lastChild.textContent = "Thank you. No images are left to ask for.";
  }
  if (!running) {
    if (asking?.error) $("next-trouble").textContent = sentence(asking.error);
    return;
  }
  const of = asking.total ? `${asking.label}: ${asking.done.toLocaleString("en")} of ${asking.total.toLocaleString("en")}` : "";
  const note = asking.note ? ` (${asking.note})` : "";
  const minutes = Math.floor(asking.seconds / 60);
  const time = minutes ? `${minutes} min ${asking.seconds % 60} s` : `${asking.seconds} s`;
  $("next-text").textContent = `Choosing the next ${counted(asking.images, "image")}, for ${time}. ${of ? sentence(of + note) : ""}`;
  $("next-line").textContent = asking.line ? sentence(asking.line) : "";
  const bar = $("next-progress");
  if (asking.total) [bar.max, bar.value] = [asking.total, asking.done];
  else bar.removeAttribute("value");
}
