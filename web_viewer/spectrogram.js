// The live spectrogram: columns in, a scrolling picture out.

import { axisOf } from "./axes.js";
import { palette, SPAN_DB } from "./colormap.js";
import { ColumnRing } from "./columnring.js";
import { byId, element, setText } from "./dom.js";
import { clock, decibels } from "./format.js";
import { Playhead } from "./playhead.js";
import { Pointer } from "./pointer.js";
import { recall, remember } from "./remembered.js";
import { Strip } from "./strip.js";
import { say } from "./text.js";

const KINDS = ["cqt", "mel"];
// 40 s shown, 31 s not yet: a slow machine sends 10 s in one burst.
const CAPACITY = 3072;
const PIXELS_PER_SECOND = 34;
const [SHORTEST_S, LONGEST_S] = [14, 40];
const RANGE_STEP_DB = 5;
const RANGE_FALL_S = 6; // a quieter passage darkens the picture for this long before the range follows it down
const QUIETEST_TOP_DB = -30; // silence stays dark instead of having its noise drawn out
const STALLED_S = 4;

const reducedMotion = window.matchMedia("(prefers-reduced-motion: reduce)");

export class Spectrogram {
	constructor() {
		this._canvas = byId("spectrogram");
		this._context = this._canvas.getContext("2d");
		this._note = byId("spectrogram-note");
		this._kind = recall("spectrogram", KINDS, "cqt");
		this._pointer = new Pointer(this._canvas, byId("readout"));
		this._about = null;
		this._onScreen = true;
		this._spanS = SHORTEST_S;
		new ResizeObserver(() => this._resize()).observe(this._canvas);
		new IntersectionObserver(([entry]) => (this._onScreen = entry.isIntersecting)).observe(this._canvas);
		for (const button of byId("kinds").children) {
			button.onclick = () => this._choose(button.dataset.kind);
		}
		const frame = () => {
			if (!document.hidden && this._onScreen) this._draw(performance.now() / 1000);
			requestAnimationFrame(frame);
		};
		requestAnimationFrame(frame);
	}

	// `hopS` is null until the analyzer is up.
	about(spectrogram, windowS, hopS) {
		const known = JSON.stringify(spectrogram);
		if (this._known !== known) {
			this._known = known;
			this._about = spectrogram;
			this._rate = spectrogram.sample_rate / spectrogram.hop_length;
			this._axes = Object.fromEntries(KINDS.map((kind) => [kind, axisOf(kind, spectrogram)]));
			this.clear();
		}
		this._windowS = windowS;
		this._stalledS = Math.max(STALLED_S, 2.5 * (hopS ?? 0));
		this.renderWords();
	}

	expectRestart() {
		for (const ring of Object.values(this._rings ?? {})) ring.expectRestart();
	}

	clear() {
		if (!this._about) return;
		this._rings = Object.fromEntries(KINDS.map((kind) => [kind, new ColumnRing(CAPACITY, this._axes[kind].bins)]));
		this._strip = new Strip(this._rings[this._kind]);
		this._playheads = Object.fromEntries(KINDS.map((kind) => [kind, new Playhead(this._rate)]));
		this._anchor = null;
		this._top = null;
		this._dirty = null;
		this._arrival = performance.now() / 1000;
		this._stale = true;
	}

	receive({ kind, bins, columns, first, data }) {
		const ring = this._rings?.[kind];
		if (!ring || bins !== ring.bins) return;
		const now = performance.now() / 1000;
		const [from, to] = ring.put(first, columns, data);
		this._playheads[kind].arrived(ring.head, columns, now);
		if (kind !== this._kind) return;
		this._arrival = now;
		this._dirty = this._dirty ? [Math.min(from, this._dirty[0]), to] : [from, to];
	}

	ring(kind) {
		return this._rings?.[kind] ?? null;
	}

	anchor(endSample, timeMs) {
		this._anchor = { column: endSample / this._about.hop_length, timeMs };
	}

	renderWords() {
		for (const button of byId("kinds").children) {
			button.setAttribute("aria-pressed", String(button.dataset.kind === this._kind));
		}
		if (!this._about) return;
		setText(byId("window-note"), say("window", { s: this._windowS }));
		byId("window-note").style.width = `${(100 * this._windowS) / this._spanS}%`;
		const frequencies = this._axes[this._kind].ticks.map(({ text, at }) => {
			const tick = element("span", "tick", text);
			tick.style.bottom = `${at * 100}%`;
			return tick;
		});
		byId("frequency-axis").replaceChildren(...frequencies);
		const times = [];
		for (let s = 0; s < this._spanS - 1; s += this._spanS > 20 ? 5 : 2) {
			const tick = element("span", "tick", s === 0 ? say("nowTick") : `−${s} s`);
			tick.style.left = `${100 * (1 - s / this._spanS)}%`;
			times.push(tick);
		}
		byId("time-axis").replaceChildren(...times);
		this._stale = true;
	}

	_choose(kind) {
		this._kind = kind;
		remember("spectrogram", kind);
		if (!this._about) return;
		this._strip = new Strip(this._rings[kind]);
		this._top = null;
		this._dirty = null;
		this.renderWords();
	}

	_resize() {
		const density = Math.min(2, window.devicePixelRatio || 1);
		const { clientWidth, clientHeight } = this._canvas;
		this._canvas.width = Math.max(1, Math.round(clientWidth * density));
		this._canvas.height = Math.max(1, Math.round(clientHeight * density));
		this._spanS = Math.round(Math.min(LONGEST_S, Math.max(SHORTEST_S, clientWidth / PIXELS_PER_SECOND)));
		this.renderWords();
	}

	_draw(now) {
		if (!this._about) return;
		const ring = this._rings[this._kind];
		const playhead = this._playheads[this._kind];
		const smooth = playhead.at(now);
		const right = reducedMotion.matches ? playhead.newest : smooth;
		this._sayWhetherStalled(now, ring);
		if (right === null) {
			if (this._stale) this._context.clearRect(0, 0, this._canvas.width, this._canvas.height);
			this._stale = false;
			return;
		}
		const span = this._spanS * this._rate;
		const start = right - span;
		this._follow(ring, now, start);
		if (this._dirty) this._strip.paint(...this._dirty, this._palette);
		const moved = this._stale || this._dirty || right !== this._right || this._pointer.moved;
		this._dirty = null;
		if (!moved) return;
		this._stale = false;
		this._right = right;
		this._paint(ring, start, span);
		this._pointer.render({
			ring, start, span, axis: this._axes[this._kind], about: this._about, now, timeOf: (column) => this._timeOf(column),
		});
	}

	_timeOf(column) {
		const { _anchor: anchor, _rate: rate } = this;
		return anchor ? clock(anchor.timeMs + ((column - anchor.column) / rate) * 1000, { tenths: true }) : "";
	}

	// The range follows the loudest column in the picture.
	_follow(ring, now, start) {
		const loudest = ring.loudest(Math.floor(start), ring.head);
		if (loudest === null) return;
		const { db_floor: floor, db_step: step } = this._about;
		const db = Math.max(QUIETEST_TOP_DB, floor + loudest * step);
		const wanted = Math.ceil(db / RANGE_STEP_DB) * RANGE_STEP_DB;
		if (this._top === null || wanted >= this._top) this._reached = now;
		const falls = this._top !== null && wanted < this._top && now - this._reached > RANGE_FALL_S;
		if (this._top !== null && wanted <= this._top && !falls) return;
		this._top = falls ? this._top - RANGE_STEP_DB : wanted;
		this._reached = now;
		this._palette = palette(this._top, floor, step);
		this._dirty = [ring.tail, ring.head];
		this._renderLegend(floor, step);
	}

	_renderLegend(floor, step) {
		setText(byId("legend-low"), decibels(this._top - SPAN_DB));
		setText(byId("legend-high"), decibels(this._top));
		const context = byId("legend").getContext("2d");
		const { width } = context.canvas;
		const image = context.createImageData(width, 1);
		for (let x = 0; x < width; x++) {
			const db = this._top - SPAN_DB + (SPAN_DB * x) / (width - 1);
			const value = Math.min(255, Math.max(0, Math.round((db - floor) / step)));
			image.data.set(this._palette.subarray(value * 4, value * 4 + 4), x * 4);
		}
		context.putImageData(image, 0, 0);
	}

	_paint(ring, start, span) {
		const context = this._context;
		const { width, height } = this._canvas;
		context.clearRect(0, 0, width, height);
		const x = (column) => ((column - start) / span) * width;
		// Hatching; columns that came cover it.
		const [from, to] = [Math.max(0, x(ring.tail)), Math.min(width, x(ring.head))];
		context.fillStyle = (this._hatching ??= hatching(context));
		context.fillRect(from, 0, to - from, height);
		this._strip.copyTo(context, start, span);
		// What the networks no longer see steps back.
		const window = width * (1 - this._windowS / this._spanS);
		context.fillStyle = "rgba(12, 11, 16, 0.34)";
		context.fillRect(0, 0, window, height);
		context.fillStyle = "rgba(255, 255, 255, 0.55)";
		context.fillRect(Math.round(window), 0, Math.max(1, Math.round(width / this._canvas.clientWidth)), height);
		this._pointer.draw(context);
	}

	_sayWhetherStalled(now, ring) {
		const text = now - this._arrival > this._stalledS || ring.empty ? say("waitingForColumns") : "";
		setText(this._note, text);
		this._note.hidden = text === "";
	}
}

function hatching(context) {
	const tile = document.createElement("canvas");
	tile.width = tile.height = 10;
	const pen = tile.getContext("2d");
	pen.fillStyle = "#26242c";
	pen.fillRect(0, 0, 10, 10);
	pen.strokeStyle = "#55525f";
	pen.lineWidth = 1.5;
	pen.beginPath();
	for (const x of [-10, 0, 10]) {
		pen.moveTo(x, 10);
		pen.lineTo(x + 10, 0);
	}
	pen.stroke();
	return context.createPattern(tile, "repeat");
}
