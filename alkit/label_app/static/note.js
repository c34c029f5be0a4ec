// The note on the current image.
import { $, say, trouble } from "./elements.js";
import { send } from "./server.js";
import { work } from "./work.js";

const field = $("note");
let noted = null; // the image that the field is about
let saving = Promise.resolve();

/** Wait until the note is recorded, if one is being recorded. */
export const noteKept = () => saving;

/** Show the note on the current image, unless it is being written. */
export function showNote() {
  $("note-line").hidden = work.at === null;
  if (noted === work.at && document.activeElement === field) return;
  noted = work.at;
  field.value = kept();
}

export function writeNote() {
  if (work.at !== null) field.focus();
}

/** Say whether there is a note that is not sent yet. */
export const isWriting = () => document.activeElement === field && field.value.trim() !== kept();

const kept = () => (noted === null ? "" : work.state.notes[noted] ?? "");

function keep() {
  const text = field.value.trim();
  if (noted === null || text === kept()) return;
  const body = { query: work.state.query, index: noted, text };
  const before = kept();
  work.state.notes[body.index] = text;
  saving = send("note", body, (why) => trouble(`Note not recorded yet. ${why}`)).then((reply) => {
    if (reply.ok) {
      trouble("");
      return say(text ? "Note recorded." : "Note removed.");
    }
    if (body.query === work.state.query) work.state.notes[body.index] = before;
    trouble(`Note not recorded: '${text}'. ${reply.data.error}`);
  });
}

function onKey(event) {
  if (event.isComposing || (event.key !== "Enter" && event.key !== "Escape")) return;
  if (event.key === "Escape") field.value = kept();
  event.preventDefault();
  event.stopPropagation();
  $("stage").focus();
}

field.addEventListener("keydown", onKey);
field.addEventListener("blur", keep);
