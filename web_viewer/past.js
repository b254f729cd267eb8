// A station's past: the record, asked once, and what has come since.

import { PastSteps } from "./paststeps.js";
import { PastStretches } from "./paststretches.js";
import { authorization } from "./token.js";

const STEPS = 300;
const LEAST_STEP_S = 2;
const HOPS_A_STEP = 2; // fewer would leave holes between hops that are none
const RETRY_MS = 4000;
const CLOCK_SET_MS = 60_000;
const LATE_MS = 15_000;
const MOST_WAITING = 300;

// `steps` is null until the record has answered; `missing`: it cannot.
export class Past {
	constructor(onChange) {
		this._onChange = onChange;
		this.version = 0;
		this.forget();
	}

	forget() {
		this.steps = this.stretches = this._asked = null;
		this.missing = false;
		this._waiting = []; // what comes before the answer
	}

	follow(hello, connection, station, spanS) {
		const models = hello.models.map((model) => model.name);
		const stepS = Math.max(Math.ceil(spanS / STEPS), LEAST_STEP_S, Math.ceil(HOPS_A_STEP * (hello.hop_s ?? 0)));
		const what = JSON.stringify([station, spanS, stepS, hello.labels, models, connection.liveSince]);
		if (this._asked === what && !(this.missing && performance.now() > this._retryAt)) return;
		if (this._spanS !== spanS) this.steps = null;
		this._spanS = spanS;
		this.station = station;
		this._asked = what;
		this._retryAt = performance.now() + RETRY_MS * (1 + Math.random());
		const query = new URLSearchParams({ station, from: `-${spanS}s`, steps: Math.ceil(spanS / stepS) });
		this._ask(what, query, hello.labels.map((label) => label.slug), models);
	}

	receive(event) {
		if (this._waiting?.push(event) > MOST_WAITING) this._waiting.shift();
		if (!this.steps) return;
		// The daemon's clock was set back: the record says what holds.
		if (event.type === "hop" && Date.parse(event.time) < this.steps.newest - CLOCK_SET_MS && performance.now() > this._retryAt) this._asked = null;
		this._take(event);
	}

	// The daemon's clock, Unix ms: a browser's may be off.
	now() {
		return Math.max(this._clock + performance.now(), this.steps.newest);
	}

	// The newest moment that is known: hops come a little late.
	latest() {
		const { newest, stepMs } = this.steps;
		return newest > this.now() - LATE_MS - stepMs ? newest : this.now();
	}

	async _ask(what, query, labels, models) {
		this._abort?.abort();
		const { signal } = (this._abort = new AbortController());
		this._waiting ??= [];
		const get = async (address) => {
			const response = await fetch(`api/v1/${address}`, { headers: authorization(), signal });
			if (!response.ok) throw new Error(response.status);
			return response.json();
		};
		try {
			const answer = await get(`rolling?${query}`);
			const pieces = await get(`timeline?${new URLSearchParams({ station: query.get("station"), from: answer.start })}`);
			if (signal.aborted) return;
			this._clock = Date.parse(answer.end) - performance.now();
			this.steps = new PastSteps(answer, labels, models);
			this.stretches = new PastStretches(pieces, answer.titles);
			for (const event of this._waiting) this._take(event);
			this._waiting = null;
			this.missing = false;
		} catch {
			if (this._asked === what) this.missing = true; // Others are reading it: once more.
		}
		this._onChange();
	}

	_take(event) {
		if (event.type === "hop") this.steps.add(event);
		else if (event.type === "segment") this.stretches.put(event);
		else this.stretches.name(event);
		this.version += 1;
	}
}
