// Turns columns that come in bursts into a steady scroll.

// So far beyond one burst the picture runs behind: takes up jitter.
const JITTER_S = 0.25;
// An error is made good over this time.
const EASE_S = 3;
const MOST_HASTE = 0.4;

export class Playhead {
	constructor(rate) {
		this._rate = rate;
		this.reset();
	}

	reset() {
		this._position = null;
		this._burst = 0;
	}

	arrived(head, columns, now) {
		// The longest counts: after a stall several hops come at once.
		this._burst = Math.max(columns, 0.9 * this._burst);
		this._head = head;
		this._arrival = now;
		const behind = head - (this._position ?? -Infinity);
		if (behind < 0 || behind > 2 * this._trail()) {
			this._position = head - this._trail();
			this._moved = now;
		}
	}

	at(now) {
		if (this._position === null) return null;
		const ideal = this._head - this._trail() + this._rate * (now - this._arrival);
		const error = (ideal - this._position) / (this._rate * EASE_S);
		const haste = 1 + Math.min(MOST_HASTE, Math.max(-MOST_HASTE, error));
		this._position = Math.min(this._head, this._position + haste * this._rate * Math.max(0, now - this._moved));
		this._moved = now;
		return this._position;
	}

	get newest() {
		return this._position === null ? null : this._head;
	}

	_trail() {
		return this._burst + JITTER_S * this._rate;
	}
}
