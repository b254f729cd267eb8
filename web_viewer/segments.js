// The list of what was heard since the page was opened, newest first.

import { byId, element, keepChildren, setText, setTextOrHide } from "./dom.js";
import { clock, duration, percent } from "./format.js";
import { genreColour } from "./palette.js";
import { canSay, genreName, say } from "./text.js";

/** Writes #segments. */
export class Segments {
  /** Write the view {hello, station}. */
  render({ hello, station }) {
    if (!hello) return;
    const segments = [...station.segments.values()].sort((a, b) => Date.parse(b.start) - Date.parse(a.start));
    byId("no-segments").hidden = segments.length > 0;
    byId("segment-list").hidden = segments.length === 0;
    const rows = keepChildren(byId("segment-list"), segments, (segment) => segment.id, makeRow);
    rows.forEach((row, i) => renderRow(row, segments[i], hello.labels));
  }
}

function makeRow() {
  const row = element("li", "segment");
  const words = element("div", "segment-words");
  words.append(element("span", "segment-what"), element("span", "segment-titles"));
  row.append(element("time", "segment-time"), element("span", "segment-swatch"), words, element("span", "segment-length"));
  return row;
}

function renderRow(row, segment, labels) {
  const [start, end] = [Date.parse(segment.start), Date.parse(segment.end)];
  const running = segment.change !== "end";
  const time = row.querySelector(".segment-time");
  time.dateTime = segment.start;
  setText(time, `${clock(start, { seconds: true })} – ${running ? say("seg_now") : clock(end, { seconds: true })}`);
  const isGenre = segment.kind === "music" && segment.genre;
  const name = isGenre ? genreName(labels, segment.genre) : nameOfOther(segment);
  const certain = isGenre && segment.probability !== null ? ` ${percent(segment.probability)}` : "";
  setText(row.querySelector(".segment-what"), name + certain);
  setTextOrHide(row.querySelector(".segment-titles"), segment.titles.join(" · "));
  setText(row.querySelector(".segment-length"), duration((end - start) / 1000));
  row.classList.toggle("running", running);
  row.querySelector(".segment-swatch").style.backgroundColor = isGenre ? genreColour(labels, segment.genre) : "";
}

/** A segment without a genre: its kind, or why it has none ("starting", "analyzer restarting"). */
function nameOfOther({ kind, note }) {
  const reason = note ? `state_${note.split(" ").at(-1)}` : "";
  return say(canSay(reason) ? reason : `state_${kind}`);
}
