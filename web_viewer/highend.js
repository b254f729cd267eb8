// Without enough above about 5 kHz all networks are unsure.

import { byId, setTextOrHide } from "./dom.js";
import { say } from "./text.js";

const HIGH_SHARE = 0.75; // of the Mel bands, from the lowest up
const LEAST_DB = -40; // below the loudest of all

export function renderHighEnd(ring, columns, dbStep) {
	setTextOrHide(byId("high-end"), ring && lacksHighEnd(ring, columns, dbStep) ? `△ ${say("highEnd")}` : "");
}

function lacksHighEnd(ring, columns, dbStep) {
	let [known, high, loudest] = [0, 0, 0];
	for (let column = Math.max(ring.tail, ring.head - columns); column < ring.head; column++) {
		if (!ring.has(column)) continue;
		known += 1;
		ring.column(column).forEach((level, bin) => {
			loudest = Math.max(loudest, level);
			if (bin >= ring.bins * HIGH_SHARE) high = Math.max(high, level);
		});
	}
	return 2 * known >= columns && (high - loudest) * dbStep < LEAST_DB;
}
