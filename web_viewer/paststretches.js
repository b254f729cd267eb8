// What was on air, and its titles: the newest word on a stretch of time holds.

const MOST_SEGMENTS = 2000; // a day of one every 43 s
const MOST_TITLES = 500;
const LATE_MS = 5000; // what runs is told of once a second
const UNHEARD = new Set(["down", "no_signal", "paused"]); // what a title does not outlast

// `segments`: {…, start, end (Unix ms), running}; `titles`: {time, title}.
export class PastStretches {
	constructor(pieces, titles) {
		this.segments = [];
		for (const piece of pieces) this.put(piece);
		this.titles = titles.map(({ time, title }) => ({ time: Date.parse(time), title }));
	}

	put(message) {
		const one = { ...message, start: Date.parse(message.start), end: Date.parse(message.end) };
		one.running = message.open ?? message.change !== "end";
		const kept = [];
		// Most come in order: only the tail is looked at.
		while (this.segments.length > 0 && this.segments.at(-1).end > one.start) {
			const old = this.segments.pop();
			if (old.end > one.end && old.start !== one.start) kept.unshift({ ...old, start: Math.max(old.start, one.end) });
			if (old.start < one.start) {
				this.segments.push({ ...old, end: one.start });
				break;
			}
		}
		if (this.segments.at(-1)?.start === one.start) this.segments.pop();
		this.segments.push(one, ...kept);
		if (this.segments.length > MOST_SEGMENTS) this.segments.shift();
	}

	name({ time, title }) {
		const at = Date.parse(time);
		if (at <= this.titles.at(-1)?.time) return;
		this.titles.push({ time: at, title });
		if (this.titles.length > MOST_TITLES) this.titles.shift();
	}

	at(time) {
		return this.segments.findLast(({ start, end, running }) => start <= time && time < end + (running ? LATE_MS : 0));
	}

	named() {
		const ends = this.segments.filter(({ kind }) => UNHEARD.has(kind)).map(({ start }) => start);
		let next = 0;
		return this.titles
			.map(({ time, title }, i) => {
				while (ends[next] <= time) next += 1;
				return { title, from: time, to: Math.min(this.titles[i + 1]?.time ?? Infinity, ends[next] ?? Infinity) };
			})
			.filter(({ title }) => title !== "");
	}
}
