// The kinds of answers. A widget for one kind of answers has
//   fits(state): whether the campaign takes such answers;
//   prepare(state, give): build the widget; give(label) sends an answer;
//   show(state, open): show a new state; open says whether an answer can be given;
//   clear(): forget what was begun, since an answer was recorded;
//   typing(event): take a key that belongs to an answer that is being typed; return whether it does;
//   key(event): take another key, if "Answer with single keys" is set; return whether it was taken.
import * as classes from "./classes.js";
import * as typed from "./typed.js";

const WIDGETS = [classes, typed];

export const widgetFor = (state) => WIDGETS.find((widget) => widget.fits(state));
