// The kinds of answers. A widget for one kind of answers has
//   fits(state): whether the campaign takes such answers;
//   prepare(state, give): build the widget; give(label, shown) sends an answer, which is
//     called `shown` in messages;
//   show(state, open): show a new state; open says whether an answer can be given;
//   clear(): forget what was begun, since an answer was recorded or another image is shown;
//   typing(event): take a key that belongs to an answer that is being typed; return whether it does;
//   key(event): take another key, if "Answer with single keys" is set; return whether it was taken;
//   send(): send what Enter and its button send, where the widget has that button.
// If answers are drawn, it also has
//   offer(label): let the user accept or correct what the model draws;
//   about(label, percent): what to say about that;
//   inWords(label): what to call an answer in messages;
//   takeBack(): undo a correction that is not sent yet, if it takes any; return whether it did.
import * as boxes from "./boxes.js";
import * as classes from "./classes.js";
import * as drawn from "./drawn.js";
import * as sets from "./sets.js";
import * as typed from "./typed.js";

const WIDGETS = [boxes, drawn, classes, sets, typed];

export const widgetFor = (state) => WIDGETS.find((widget) => widget.fits(state));
