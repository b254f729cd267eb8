// Draws the history of the rolling probabilities as stacked bands, newest at the right.

import { byId, setText } from "./dom.js";
import { clock } from "./format.js";
import { genreColour } from "./palette.js";
import { say } from "./text.js";

const SPANS_MIN = [5, 10, 15, 20, 30, 45, 60];

/** Draw a RollingHistory into #history; the place and colour of a band are those of its label. */
export function drawHistory(history, labels) {
  const canvas = byId("history");
  const context = fitted(canvas);
  const { width, height } = canvas;
  context.clearRect(0, 0, width, height);
  const { steps, stepMs } = history;
  if (steps.length === 0) {
    setText(byId("history-from"), say("historyEmpty"));
    return;
  }
  const end = steps.at(-1).at + stepMs;
  // The scale widens in steps, so that the picture does not creep all the time.
  const needed = (end - steps[0].at) / 60_000;
  const span = (SPANS_MIN.find((minutes) => minutes >= needed) ?? SPANS_MIN.at(-1)) * 60_000;
  setText(byId("history-from"), clock(end - span));
  const x = (ms) => ((ms - end + span) / span) * width;
  for (const { at, values } of steps) {
    const [left, right] = [Math.floor(x(at)), Math.ceil(x(at + stepMs))];
    let top = height;
    for (const { slug } of labels) {
      const share = (values[slug] ?? 0) * height;
      context.fillStyle = genreColour(labels, slug);
      context.fillRect(left, top - share, right - left, share + 0.5);
      top -= share;
    }
  }
}

function fitted(canvas) {
  const density = Math.min(2, window.devicePixelRatio || 1);
  const [width, height] = [Math.round(canvas.clientWidth * density), Math.round(canvas.clientHeight * density)];
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  return canvas.getContext("2d");
}
