// The cross on the spectrogram and the decibels under it.

import { setText } from "./dom.js";
import { decibels } from "./format.js";
import { say } from "./text.js";

const STEPS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const STEP_X = 1 / 60;
const STEP_Y = 1 / 84; // one note of the CQT
const READ_EVERY_S = 0.1; // the picture runs on under the cross: more often is flicker

export class Pointer {
	constructor(canvas, readout, onMove = () => {}) {
		this.moved = false;
		this._at = null;
		this._readAt = 0;
		this._readout = readout;
		this._onMove = onMove;
		canvas.onpointermove = (event) => this._follow(event, canvas);
		canvas.onpointerdown = (event) => this._follow(event, canvas);
		canvas.onpointerleave = () => this._move(null);
		canvas.onblur = () => this._move(null);
		canvas.onkeydown = (event) => this._step(event);
	}

	draw(context) {
		if (!this._at) return;
		const { width, height } = context.canvas;
		context.fillStyle = "rgba(255, 255, 255, 0.5)";
		context.fillRect(0, Math.round(this._at.y * height), width, 1);
		context.fillRect(Math.round(this._at.x * width), 0, 1, height);
	}

	render({ ring, start, span, axis, timeOf, about, now }) {
		if (!this.moved && now - this._readAt < READ_EVERY_S) return;
		this.moved = false;
		this._readAt = now;
		if (!this._at) {
			setText(this._readout, "");
			return;
		}
		const column = Math.floor(start + this._at.x * span);
		const bin = Math.min(axis.bins - 1, Math.floor((1 - this._at.y) * axis.bins));
		const db = ring.has(column) ? decibels(about.db_floor + ring.column(column)[bin] * about.db_step) : say("gap");
		setText(this._readout, [db, axis.name(bin), timeOf(column)].filter(Boolean).join(" · "));
	}

	_follow(event, canvas) {
		const box = canvas.getBoundingClientRect();
		this._move({ x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height });
	}

	_step(event) {
		if (event.key === "Escape") this._move(null);
		const step = STEPS[event.key];
		if (!step) return;
		event.preventDefault();
		const { x, y } = this._at ?? { x: 0.9, y: 0.5 };
		this._move({ x: x + step[0] * STEP_X, y: y + step[1] * STEP_Y });
	}

	_move(at) {
		const inside = (share) => Math.min(0.9999, Math.max(0, share));
		this._at = at && { x: inside(at.x), y: inside(at.y) };
		this.moved = true;
		this._onMove();
	}
}
