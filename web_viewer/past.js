// What is known of the chosen station's past: the record, asked once, and what has come since.

import { nothing, PastSteps } from "./paststeps.js";
import { PastStretches } from "./paststretches.js";
import { authorization } from "./token.js";

const STEPS = 300;
const LEAST_STEP_S = 2;
const HOPS_A_STEP = 2; // fewer would leave holes between hops that are none
const RETRY_MS = 10_000;
const CLOCK_SET_MS = 60_000;
const LATE_MS = 15_000;
const MOST_WAITING = 300;

/** `steps` and `stretches` are null until something is known; `version` counts changes, `missing` says the record does. */
export class Past {
	constructor(onChange) {
		this._onChange = onChange;
		this.version = 0;
		this.forget();
	}

	/** Keep the past of `spanS` seconds of a station on the view {hello, connection}: asks when anything of it is another. */
	follow(hello, connection, station, spanS) {
		const { labels, models, hop_s: hopS } = hello;
		const stepS = Math.max(Math.ceil(spanS / STEPS), LEAST_STEP_S, Math.ceil(HOPS_A_STEP * (hopS ?? 0)));
		const what = JSON.stringify([station, spanS, stepS, labels, models.map((model) => model.name), connection.liveSince]);
		if (this._asked === what && !(this.missing && performance.now() > this._retryAt)) return;
		if (this._spanS !== spanS) this.steps = this.stretches = null;
		this._spanS = spanS;
		this.station = station;
		this._asked = what;
		this._retryAt = performance.now() + RETRY_MS * (1 + Math.random());
		this._make = (answer) => new PastSteps(answer, labels.map((label) => label.slug), models.map((model) => model.name));
		this._ask(what, new URLSearchParams({ station, from: `-${spanS}s`, steps: Math.ceil(spanS / stepS) }), stepS);
	}

	forget() {
		this.steps = this.stretches = null;
		this._asked = null;
		this._waiting = []; // what comes before the answer
		this._clock = Date.now() - performance.now();
		this.missing = false;
		this.version += 1;
	}

	/** Take a `hop`, `segment` or `title` of the station. */
	receive(event) {
		if (this._waiting?.push(event) > MOST_WAITING) this._waiting.shift();
		if (!this.steps) return;
		if (event.type === "hop" && Date.parse(event.time) < this.steps.newest - CLOCK_SET_MS && performance.now() > this._retryAt) {
			this._asked = null; // The daemon's clock was set back: the record says what holds.
		}
		this._take(event);
	}

	/** The daemon's clock, Unix ms: a browser's may be off. */
	now() {
		return Math.max(this._clock + performance.now(), this.steps?.newest ?? 0);
	}

	/** The newest moment of which something is known: hops come a little late. */
	latest() {
		const now = this.now();
		return this.steps.newest > now - LATE_MS - this.steps.stepMs ? this.steps.newest : now;
	}

	async _ask(what, query, stepS) {
		this._abort?.abort();
		this._abort = new AbortController();
		this._waiting ??= [];
		const get = async (address) => {
			const response = await fetch(address, { headers: authorization(), signal: this._abort.signal });
			if (!response.ok) throw new Error(`${address}: ${response.status}`);
			return response.json();
		};
		let answer, pieces;
		try {
			answer = await get(`api/v1/rolling?${query}`);
			pieces = await get(`api/v1/timeline?${new URLSearchParams({ station: query.get("station"), from: answer.start })}`);
			this.missing = false;
		} catch {
			// Others are reading it, or there is none: the page shows what it hears itself, and asks again.
			if (this._asked !== what) return;
			this.missing = true;
			const heard = this._waiting.findLast((event) => event.type === "hop");
			if (!this.steps) answer = nothing(heard ? Date.parse(heard.time) : Date.now(), stepS * 1000, Number(query.get("steps")));
			pieces = [];
		}
		if (this._asked !== what) return;
		if (answer) {
			this._clock = Date.parse(answer.end) - performance.now();
			this.steps = this._make(answer);
			this.stretches = new PastStretches(pieces, answer.titles);
			for (const event of this._waiting) this._take(event);
		}
		this._waiting = null;
		this._onChange();
	}

	_take(event) {
		if (event.type === "hop") this.steps.add(event);
		else if (event.type === "segment") this.stretches.put(event);
		else this.stretches.name(event);
		this.version += 1;
	}
}
