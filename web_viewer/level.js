// The level meter.

import { byId, setShare, setText } from "./dom.js";
import { decibels } from "./format.js";
import { say } from "./text.js";

const BOTTOM_DBFS = -60;
const PEAK_HOLD_MS = 1500;
const PEAK_FALL_DB_PER_S = 20;
const CLIP_SHOWN_MS = 3000;
const STALE_MS = 3000; // without news for this long the level is not known any more

export class LevelMeter {
	constructor() {
		this.clear();
	}

	clear() {
		this._rms = null;
		this._heardAt = -Infinity;
		this._peak = -120;
		this._peakAt = 0;
		this._clippedAt = -Infinity;
		this.render();
	}

	receive({ rms_dbfs: rms, peak_dbfs: peak, clipped }) {
		const now = performance.now();
		this._rms = rms;
		this._heardAt = now;
		if (peak >= this._held(now)) {
			this._peak = peak;
			this._peakAt = now;
		}
		if (clipped) this._clippedAt = now;
	}

	render() {
		const now = performance.now();
		const known = now - this._heardAt < STALE_MS;
		const peak = this._held(now);
		setShare(byId("meter-rms"), known ? loudness(this._rms) : 0);
		byId("meter-peak").style.left = `${(known ? loudness(peak) : 0) * 100}%`;
		byId("clip").classList.toggle("lit", now - this._clippedAt < CLIP_SHOWN_MS);
		setText(byId("level-text"), known ? `${decibels(this._rms)}FS · ${say("peak")} ${decibels(Math.max(-120, peak))}` : "–");
		const meter = byId("meter");
		meter.setAttribute("aria-valuenow", known ? Math.max(BOTTOM_DBFS, Math.round(this._rms)) : BOTTOM_DBFS);
		meter.setAttribute("aria-valuetext", known ? `${decibels(this._rms)}FS` : say("unknown"));
	}

	_held(now) {
		const falling = Math.max(0, now - this._peakAt - PEAK_HOLD_MS) / 1000;
		return this._peak - falling * PEAK_FALL_DB_PER_S;
	}
}

export function loudness(dbfs) {
	return Math.min(1, Math.max(0, 1 - dbfs / BOTTOM_DBFS));
}
