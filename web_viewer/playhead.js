// Turns columns that come in bursts, one hop at a time, into a steady scroll.

// How far behind the newest burst the picture runs beyond one burst: takes up the jitter of the network and of the analyzer.
const JITTER_S = 0.25;
// An error is made good over this time, by running a little faster or slower.
const EASE_S = 3;
const MOST_HASTE = 0.4;

/** The position, in columns, of the right edge of the picture. `rate` is columns a second. */
export class Playhead {
  constructor(rate) {
    this._rate = rate;
    this.reset();
  }

  /** Forget the pace: the next burst sets the position anew. */
  reset() {
    this._position = null;
    this._burst = 0;
  }

  /** A burst of `columns` has come at time `now` (seconds) and reaches up to column `head`. */
  arrived(head, columns, now) {
    // The longest burst counts, forgetting slowly: after a stall several hops may come at once.
    this._burst = Math.max(columns, 0.9 * this._burst);
    this._head = head;
    this._arrival = now;
    const behind = head - (this._position ?? -Infinity);
    if (behind < 0 || behind > 2 * this._trail()) {
      this._position = head - this._trail();
      this._moved = now;
    }
  }

  /** The position at time `now` (seconds); null before the first burst. It never passes the newest column. */
  at(now) {
    if (this._position === null) return null;
    const ideal = this._head - this._trail() + this._rate * (now - this._arrival);
    const error = (ideal - this._position) / (this._rate * EASE_S);
    const haste = 1 + Math.min(MOST_HASTE, Math.max(-MOST_HASTE, error));
    this._position = Math.min(this._head, this._position + haste * this._rate * Math.max(0, now - this._moved));
    this._moved = now;
    return this._position;
  }

  /** The newest column, for those who want no motion between bursts; null before the first. */
  get newest() {
    return this._position === null ? null : this._head;
  }

  _trail() {
    return this._burst + JITTER_S * this._rate;
  }
}
