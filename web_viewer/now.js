// What is on air: the genre or the state, and the evidence.

import { byId, element, setText, setTextOrHide } from "./dom.js";
import { clock, duration, percent } from "./format.js";
import { agreementOf, headline } from "./headline.js";
import { canSay, genreName, genreNameAlso, say } from "./text.js";

const EVIDENCE = ["probability", "confidence", "agreement", "divergence"];

const SHORT_WORD = 6; // letters; shorter words are not set larger than these

export class Now {
	constructor() {
		this._room = byId("now");
		this._genre = byId("genre");
		this._facts = Object.fromEntries(EVIDENCE.map((name) => [name, this._addFact(name)]));
		this._lastHeard = null;
	}

	render({ hello, station, connection }) {
		const labels = hello?.labels ?? [];
		const { status, hop } = station;
		const head = headline(connection.state === "live", status, hop);
		const isGenre = head.kind === "genre";
		const words = isGenre ? genreName(labels, head.name) : say(`state_${head.name}`);
		this._room.dataset.kind = head.kind;
		this._room.dataset.state = head.name;
		setText(this._genre, words);
		this._genre.style.setProperty("--letters", Math.max(SHORT_WORD, lettersIn(words)));
		setTextOrHide(byId("genre-also"), isGenre ? genreNameAlso(labels, head.name) : this._why(connection.state === "locked" ? "locked" : head.name, labels));
		setTextOrHide(byId("genre-since"), this._since(head, hop, station));
		setTextOrHide(byId("genre-caveat"), isGenre && !hop.trained ? say("randomCaveat") : "");
		setTextOrHide(byId("title"), connection.state === "live" && station.title ? `♪ ${station.title}` : "");
		const heard = isGenre || head.name === "speech" || head.name === "uncertain";
		this._renderEvidence(heard ? hop : null, isGenre || head.name === "speech");
		this._renderContenders(heard ? hop : null, labels);
		if (isGenre) this._lastHeard = { slug: head.name, time: hop.time };
		return words;
	}

	forget() {
		this._lastHeard = null;
	}

	_why(name, labels) {
		if (name === "offline" && this._lastHeard) {
			const { slug, time } = this._lastHeard;
			return say("lastHeard", { what: genreName(labels, slug), time: clock(Date.parse(time), { seconds: true }) });
		}
		return canSay(`why_${name}`) ? say(`why_${name}`) : "";
	}

	_since(head, hop, station) {
		const shown = hop && (head.kind === "genre" || hop.state === head.name);
		if (!shown) return "";
		const since = Date.parse(hop.since);
		// On the daemon's clock: a browser's may be off.
		const now = Date.parse(hop.time) + performance.now() - station.hopAt;
		return say("since", { time: clock(since), duration: duration((now - since) / 1000) });
	}

	_renderEvidence(hop, withProbability) {
		byId("evidence").hidden = !hop;
		if (!hop) return;
		const { agreeing, voters } = agreementOf(hop);
		const known = withProbability && hop.probability !== null;
		setText(this._facts.probability, known ? percent(hop.probability) : "–");
		setText(this._facts.confidence, say(`band_${hop.band}`));
		this._facts.confidence.dataset.band = hop.band;
		setText(this._facts.agreement, say("agreeing", { n: agreeing, all: voters }));
		setText(this._facts.divergence, hop.divergence.toFixed(2));
		for (const name of EVIDENCE) setText(this._facts[name].previousElementSibling, say(name));
	}

	_renderContenders(hop, labels) {
		const split = hop && hop.contenders.length > 1;
		const names = split ? hop.contenders.map((slug) => genreName(labels, slug)).join(say("or")) : "";
		setTextOrHide(byId("contenders"), split ? say("contenders", { names }) : "");
	}

	_addFact(name) {
		const pair = element("div", "fact");
		const value = element("dd", name === "confidence" ? "band" : "");
		pair.append(element("dt"), value);
		byId("evidence").append(pair);
		return value;
	}
}

// A Chinese character is as wide as two.
function lettersIn(text) {
	return [...text].reduce((sum, letter) => sum + (letter > "\u2e80" ? 1.9 : 1), 0);
}
