// The room of the past, and the moment that is pointed at.

import { byId, element, keepChildren, setText } from "./dom.js";
import { clock, duration, percent } from "./format.js";
import { modelName } from "./models.js";
import { drawPast, rowsOf } from "./pastchart.js";
import { renderExports } from "./pastexport.js";
import { recall, remember } from "./remembered.js";
import { canSay, genreName, say } from "./text.js";

const SPANS = { "10m": 600, "1h": 3600, "24h": 86_400 };
const TICKS_MIN = [1, 2, 5, 10, 20, 30, 60, 120, 240, 480];
const KEYS = { ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity };
const NAMED = 3;

export class PastRoom {
	constructor(past, onChange) {
		this._past = past;
		this._canvas = byId("history");
		this._span = recall("span", Object.keys(SPANS), "1h");
		this._pointed = null; // a moment in Unix ms, which moves on with the picture
		this._drawn = "";
		for (const button of byId("spans").children) {
			button.onclick = () => {
				remember("span", (this._span = button.dataset.span));
				onChange();
			};
		}
		const point = (event) => this._point(this._timeAt(event));
		this._canvas.onpointermove = point;
		this._canvas.onpointerdown = point;
		this._canvas.onpointerleave = (event) => event.pointerType === "mouse" && this._point(null);
		this._canvas.onkeydown = (event) => this._step(event);
		new ResizeObserver(onChange).observe(this._canvas);
	}

	get spanS() {
		return SPANS[this._span];
	}

	render({ hello }) {
		for (const button of byId("spans").children) button.setAttribute("aria-pressed", button.dataset.span === this._span);
		const { steps, stretches, version, missing } = this._past;
		byId("past-missing").hidden = !missing;
		if (!steps) this._clear();
		if (!hello || !steps || this._canvas.clientWidth === 0) return;
		this._hello = hello;
		steps.reach(this._past.now());
		// A hop hardly changes a step of minutes.
		const news = steps.stepMs > 5000 ? `${Math.floor(this._past.now() / (steps.stepMs / 4))} ${stretches.segments.length}` : version;
		const { clientWidth, clientHeight } = this._canvas;
		const colour = getComputedStyle(this._canvas).getPropertyValue("--text");
		const look = [steps.first, news, clientWidth, clientHeight, colour, document.documentElement.lang, window.devicePixelRatio].join();
		if (this._drawn !== look || this._of !== steps) {
			this._drawn = look;
			this._of = steps;
			drawPast(this._canvas, steps, stretches, hello.labels, (segment) => nameOfSegment(segment, hello.labels));
			this._renderAxes(steps, hello, clientWidth, clientHeight);
			this._canvas.dataset.span = JSON.stringify([steps.first, steps.end]);
			renderExports(this._past.station, steps.first, steps.end);
		}
		this._renderMoment();
	}

	_clear() {
		this._pointed = null;
		this._canvas.width = 1;
		byId("past-cursor").hidden = true;
		for (const node of document.querySelectorAll(".past-words p")) node.textContent = "";
	}

	_renderAxes(steps, { models }, width, height) {
		const rows = rowsOf(height, models.length);
		const named = [[say("pastStack"), rows.stack], [say("pastBand"), rows.band], [say("divergence"), rows.line]];
		models.forEach((model, i) => named.push([modelName(model), rows.ribbon[i]]));
		keepChildren(byId("past-rows"), named, ([name]) => name, ([name]) => element("span", "tick", name)).forEach((node, i) => {
			const [top, tall] = named[i][1];
			node.style.top = `${top + Math.min(tall, 24) / 2}px`;
		});
		const span = steps.end - steps.first;
		const every = 60_000 * (TICKS_MIN.find((step) => (span / 60_000 / step) * 64 < width) ?? TICKS_MIN.at(-1));
		const zone = new Date(steps.end).getTimezoneOffset() * 60_000;
		const ticks = [];
		for (let time = Math.ceil((steps.first - zone) / every) * every + zone; time < steps.end; time += every) ticks.push(time);
		keepChildren(byId("past-axis"), ticks, String, (time) => element("span", "tick", clock(time))).forEach((node, i) => {
			node.style.left = `${((ticks[i] - steps.first) / span) * 100}%`;
		});
	}

	_renderMoment() {
		const { steps } = this._past;
		if (this._pointed < steps.first) this._pointed = null;
		const time = this._pointed ?? this._past.latest();
		const place = steps.placeOf(time);
		const cursor = byId("past-cursor");
		cursor.hidden = this._pointed === null;
		cursor.style.left = `${((time - steps.first) / (steps.end - steps.first)) * 100}%`;
		const words = [this._genres(time, place), this._segment(time), this._votes(place)];
		["past-moment", "past-segment", "past-votes"].forEach((id, i) => setText(byId(id), words[i]));
		const values = { min: 0, max: steps.count - 1, now: place, text: words.join(" ") };
		for (const [name, value] of Object.entries(values)) this._canvas.setAttribute(`aria-value${name}`, value);
	}

	_genres(time, place) {
		const { steps } = this._past;
		const top = steps.ranked(place).slice(0, NAMED).map(([slug, p]) => `${this._name(slug)} ${percent(p)}`);
		return [clock(time, { seconds: true }), ...(steps.hops[place] > 0 ? top : [say("noVotes")])].join(" · ");
	}

	_segment(time) {
		const { stretches } = this._past;
		const found = stretches.at(time);
		if (!found) return say("notRecorded");
		const { start, end, running, error_s: error, blend } = found;
		const at = (moment) => clock(moment, { seconds: true });
		const parts = [
			`${nameOfSegment(found, this._hello.labels)} ${at(start)}${error ? ` ± ${error} s` : ""} – ${running ? say("nowTick") : at(end)}`,
			duration((end - start) / 1000),
		];
		if (blend) parts.push(say("blended", { genre: this._name(blend.before), time: at(Date.parse(blend.end)) }));
		const named = stretches.named().find(({ from, to }) => from <= time && time < to);
		if (named) parts.push(`♪ ${named.title}`);
		return parts.join(" · ");
	}

	_votes(place) {
		const { steps } = this._past;
		const words = this._hello.models
			.map((model, i) => [modelName(model), steps.choice(place, i)])
			.filter(([, choice]) => choice >= 0)
			.map(([name, choice]) => `${name} ${this._name(steps.labels[choice])}`);
		if (words.length === 0) return say("noVotes");
		const names = steps.verdict(place).contenders.map((slug) => this._name(slug)).join(say("or"));
		if (names) words.unshift(say("contenders", { names }));
		return [...words, `${say("divergence")} ${steps.divergence[place].toFixed(2)}`].join(" · ");
	}

	_name(slug) {
		return genreName(this._hello.labels, slug);
	}

	_timeAt(event) {
		const { steps } = this._past;
		if (!steps) return null;
		const box = this._canvas.getBoundingClientRect();
		const share = Math.min(0.99999, Math.max(0, (event.clientX - box.left) / box.width));
		return Math.min(this._past.now(), steps.first + share * (steps.end - steps.first));
	}

	_step(event) {
		const { steps } = this._past;
		if (event.key === "Escape") this._point(null);
		if (!steps || !(event.key in KEYS)) return;
		event.preventDefault();
		const from = this._pointed ?? this._past.latest();
		const to = from + (Number.isFinite(KEYS[event.key]) ? KEYS[event.key] * steps.stepMs : KEYS[event.key]);
		this._point(Math.min(this._past.latest(), Math.max(steps.first, to)));
	}

	_point(time) {
		this._pointed = time;
		if (this._past.steps && this._hello) this._renderMoment();
	}
}

function nameOfSegment({ kind, genre, note }, labels) {
	if (kind === "music" && genre) return genreName(labels, genre);
	const reason = note ? `state_${note.split(" ").at(-1)}` : "";
	return say(canSay(reason) ? reason : `state_${kind}`);
}
