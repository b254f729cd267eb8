// What was on air in the time that is shown, newest first.

import { byId, element, keepChildren, setText, setTextOrHide } from "./dom.js";
import { clock, duration, percent } from "./format.js";
import { genreColour } from "./palette.js";
import { canSay, genreName, say } from "./text.js";

const MOST = 100;

export class Segments {
	constructor(past) {
		this._past = past;
	}

	render({ hello }) {
		if (!hello) return;
		const segments = (this._past.stretches?.segments ?? []).slice(-MOST).reverse();
		byId("no-segments").hidden = segments.length > 0;
		byId("segment-list").hidden = segments.length === 0;
		const rows = keepChildren(byId("segment-list"), segments, ({ start }) => String(start), makeRow);
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
	const { start, end, running } = segment;
	const time = row.querySelector(".segment-time");
	time.dateTime = new Date(start).toISOString();
	setText(time, `${clock(start, { seconds: true })} – ${running ? say("seg_now") : clock(end, { seconds: true })}`);
	const isGenre = segment.kind === "music" && segment.genre;
	const name = nameOfSegment(segment, labels);
	const certain = isGenre && segment.probability !== null ? ` ${percent(segment.probability)}` : "";
	setText(row.querySelector(".segment-what"), name + certain);
	setTextOrHide(row.querySelector(".segment-titles"), segment.titles.join(" · "));
	setText(row.querySelector(".segment-length"), duration((end - start) / 1000));
	row.classList.toggle("running", running);
	row.querySelector(".segment-swatch").style.backgroundColor = isGenre ? genreColour(labels, segment.genre) : "";
}

/** A segment's genre, else its kind or why it has none ("starting", "analyzer restarting"). */
export function nameOfSegment({ kind, genre, note }, labels) {
	if (kind === "music" && genre) return genreName(labels, genre);
	const reason = note ? `state_${note.split(" ").at(-1)}` : "";
	return say(canSay(reason) ? reason : `state_${kind}`);
}
