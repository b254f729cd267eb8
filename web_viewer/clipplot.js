// A clip's outline, and a window's spectrogram.

import { axisOf } from "./axes.js";
import { palette } from "./colormap.js";
import { ColumnRing } from "./columnring.js";
import { element } from "./dom.js";
import { Pointer } from "./pointer.js";
import { Strip } from "./strip.js";
import { say } from "./text.js";

export function bytesOf(base64) {
	return Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
}

export function minutes(seconds) {
	const s = Math.round(seconds);
	return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, "0")}`;
}

export function drawOutline(svg, { outline, duration_s: duration }, { start_s: start, end_s: end }) {
	const width = outline.length;
	const limit = Math.max(0.01, ...outline.flat().map(Math.abs));
	const at = (value, x) => `${x + 0.5},${(1 - value / limit).toFixed(3)}`;
	const top = outline.map(([, high], x) => at(high, x));
	const bottom = outline.map(([low], x) => at(low, x)).reverse();
	svg.setAttribute("viewBox", `0 0 ${width} 2`);
	svg.querySelector("path").setAttribute("d", `M${[...top, ...bottom].join("L")}Z`);
	const rect = svg.querySelector("rect");
	rect.setAttribute("x", (start / duration) * width);
	rect.setAttribute("width", ((end - start) / duration) * width);
}

export class ClipSpectrogram {
	constructor() {
		this.root = element("div", "plot clip-plot");
		this.readout = element("output", "readout");
		this._canvas = element("canvas");
		this._canvas.tabIndex = 0;
		this._canvas.setAttribute("role", "img");
		this._left = element("div", "axis-y");
		this._below = element("div", "axis-x");
		const picture = element("div", "picture");
		picture.append(this._canvas);
		this.root.append(this._left, picture, this._below);
		this._pointer = new Pointer(this._canvas, this.readout, () => this._show());
	}

	draw({ kind, bins, columns, levels }, about, startS) {
		const axis = axisOf(kind, about);
		const ring = new ColumnRing(columns, bins);
		ring.put(0, columns, bytesOf(levels));
		const strip = new Strip(ring);
		const { db_floor: floor, db_step: step } = about;
		strip.paint(0, columns, palette(floor + ring.loudest(0, columns) * step, floor, step));
		const seconds = (column) => (column * about.hop_length) / about.sample_rate;
		const timeOf = (column) => `${(startS + seconds(column)).toFixed(1)} s`;
		this._picture = { ring, strip, span: columns, start: 0, axis, about, timeOf, now: 0 };
		this._canvas.setAttribute("aria-label", say("clipPlot", { kind: kind === "cqt" ? "CQT" : "Mel" }));
		this._canvas.width = 2 * columns;
		this._canvas.height = 4 * bins;
		this._left.replaceChildren(...axis.ticks.map(({ text, at }) => tick(text, "bottom", at)));
		const times = [0, 2, 4, 6, 8].map((s) => tick(minutes(startS + s), "left", s / seconds(columns)));
		this._below.replaceChildren(...times);
		this._show();
	}

	_show() {
		if (!this._picture) return;
		const context = this._canvas.getContext("2d");
		this._picture.strip.copyTo(context, 0, this._picture.span);
		this._pointer.draw(context);
		this._pointer.render(this._picture);
	}
}

function tick(text, side, at) {
	const node = element("span", "tick", text);
	node.style[side] = `${at * 100}%`;
	return node;
}
