// A card for every station, which makes it large.

import { lead } from "./address.js";
import { byId, element, keepChildren, makeBar, setShare, setTextOrHide } from "./dom.js";
import { decibels, percent } from "./format.js";
import { agreementOf, hears, headline } from "./headline.js";
import { loudness } from "./level.js";
import { genreName, say } from "./text.js";

export class StationGrid {
	render({ hello, connection }, stationOf) {
		if (!hello) return;
		const cards = keepChildren(byId("grid"), hello.stations, (station) => station.id, makeCard);
		cards.forEach((card, i) => {
			const { id, name } = hello.stations[i];
			lead(card, { station: id, mode: "full" });
			renderCard(card, name, hello.labels, connection.state === "live", stationOf(id));
		});
	}
}

export function makeCard() {
	const card = element("a", "panel card");
	for (const part of ["name", "what", "title", "band", "agreement"]) card.append(element("span", `card-${part}`));
	card.querySelector(".card-band").classList.add("band");
	card.append(makeBar(), element("span", "card-level"));
	return card;
}

export function renderCard(card, name, labels, live, { status, hop, title }) {
	const head = headline(live, status, hop);
	const heard = hears(head);
	const known = heard && hop;
	const put = (part, text) => setTextOrHide(card.querySelector(`.card-${part}`), text);
	card.dataset.kind = head.kind;
	put("name", name);
	put("what", head.kind === "genre" ? genreName(labels, head.name) : say(`state_${head.name}`));
	put("title", live && title ? `♪ ${title}` : "");
	const p = known && hop.probability !== null ? ` · ${percent(hop.probability)}` : "";
	put("band", known ? say(`band_${hop.band}`) + p : "");
	card.querySelector(".card-band").dataset.band = known ? hop.band : "";
	const { agreeing, voters } = known ? agreementOf(hop) : { agreeing: 0, voters: 0 };
	put("agreement", known ? `${say("agreement")} ${say("agreeing", { n: agreeing, all: voters })}` : "");
	const dbfs = live && hop && head.name !== "no_signal" ? hop.level.rms_dbfs : null;
	setShare(card.querySelector(".fill"), dbfs === null ? 0 : loudness(dbfs));
	put("level", dbfs === null ? "–" : `${decibels(dbfs)}FS`);
}
