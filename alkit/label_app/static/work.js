// The work on the query: what the server said last, and where the annotator is.

export const work = {
  state: null, // the server's latest state
  at: null, // index of the current image, null if all are answered or many are shown
  wanted: null, // index of the image to show next, if it waits for an answer
  undone: null, // {label, indices} of the answer that was undone, otherwise null
  sawGuess: false,
  busy: true, // something is being recorded
  grid: false, // many images are shown at once
};

/** Return the images that wait for an answer. */
export const waiting = () => work.state.images.filter((image) => image.answer === null);

/** Return the place of an image among those of the query, from 1. */
export const placeOf = (index) => work.state.images.findIndex((image) => image.index === index) + 1;

/** Return the image that this annotator answered last in the query, null if there is none. */
export function previous() {
  const said = work.state.images.filter((image) => image.said).sort((a, b) => b.said - a.said);
  return said.length ? said[0] : null;
}
