// How the machine does.

import { byId, element, keepChildren, setText } from "./dom.js";
import { duration } from "./format.js";
import { say } from "./text.js";

export class Health {
	render({ hello, station }) {
		if (!hello) return;
		const facts = factsOf(hello, station);
		const items = keepChildren(byId("health"), facts, ([name]) => name, makeFact);
		items.forEach((item, i) => {
			const [name, value, bad] = facts[i];
			setText(item.firstElementChild, say(name));
			setText(item.lastElementChild, value);
			item.classList.toggle("bad", bad === true);
		});
	}
}

// [[word, value, is it bad]].
function factsOf(hello, { status, hop }) {
	const hopS = status?.hop_s ?? hello.hop_s;
	const every = hopS ? ` · ${say("hopEvery")} ${hopS.toFixed(2)} s` : "";
	const facts = [["hopTime", hop ? `${hop.hop_ms.toFixed(0)} ms${every}` : say("unknown"), hop && hop.hop_ms > hopS * 1000]];
	if (status) {
		const gapS = status.gap_samples / hello.spectrogram.sample_rate;
		const restarts = { source: status.source.restarts, analyzer: status.analyzer.restarts };
		facts.push(
			["lag", `${status.lag_s.toFixed(2)} s`, status.lag_s > 2 * (hopS ?? 1)],
			["dropped", `${status.dropped_hops} / ${status.hops + status.dropped_hops}`, status.dropped_hops > 0],
			["gaps", gapS > 0 && gapS < 1 ? `${gapS.toFixed(2)} s` : duration(gapS), gapS > 0],
			["restarts", say("restartsValue", restarts), restarts.source + restarts.analyzer > 0],
		);
	}
	facts.push(["device", status?.analyzer.device ?? hello.device ?? say("unknown")]);
	if (status) facts.push(["input", inputOf(status.source)]);
	facts.push(["bundle", `${hello.bundle} · ${hello.node} · ${hello.software}`]);
	return facts;
}

function inputOf({ spec, format }) {
	const parts = [spec];
	if (format.codec) parts.push(String(format.codec));
	if (format.rate) parts.push(`${(Number(format.rate) / 1000).toFixed(1)} kHz`);
	if (format.channels) parts.push(`${format.channels} ch`);
	return parts.join(" · ");
}

function makeFact() {
	const fact = element("span", "health-fact");
	fact.append(element("span", "health-name"), element("span", "health-value"));
	return fact;
}
