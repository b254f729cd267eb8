// Each network's five choices.

import { byId, element, keepChildren, makeBar, setShare, setText, setTextOrHide } from "./dom.js";
import { percent } from "./format.js";
import { firstChoice } from "./headline.js";
import { genreName, say } from "./text.js";

export class Models {
	constructor(onPicture) {
		this._onPicture = onPicture;
	}

	render({ hello, station, hearing }) {
		if (!hello) return;
		const hop = hearing ? station.hop : null;
		const first = hop ? firstChoice(hop.ensemble) : null;
		renderVotes(byId("votes"), hello, hello.models, hop?.models ?? {}, first, this._onPicture);
	}
}

export function renderVotes(list, { labels }, models, votes, first, onPicture) {
	const cards = keepChildren(list, models, (model) => model.name, makeCard);
	cards.forEach((card, i) => {
		const model = models[i];
		const vote = votes[model.name];
		renderCard(card, labels, vote, model.error, first);
		const look = card.querySelector(".look");
		look.hidden = !vote || vote.error !== null;
		look.setAttribute("aria-label", say("pictureOf", { model: modelName(model) }));
		look.title = say("picture");
		look.onclick = () => onPicture(model.name);
	});
}

export function modelName(model) {
	return model.backbone.replaceAll("_", " ");
}

function makeCard(model) {
	const card = element("li", "vote");
	const head = element("div", "vote-head");
	const name = element("h3", "", modelName(model));
	name.title = model.name;
	const look = element("button", "look");
	head.append(name, element("span", "vote-kind", model.spectrogram.toUpperCase()), look);
	const foot = element("div", "vote-foot");
	foot.append(element("span", "vote-ms"), element("span", "vote-differs"));
	card.append(head, element("p", "vote-error"), element("ol", "vote-choices"), foot);
	return card;
}

function renderCard(card, labels, vote, bundleError, first) {
	const error = vote?.error ?? bundleError ?? "";
	const top5 = error ? [] : (vote?.top5 ?? []);
	const differs = top5.length > 0 && top5[0][0] !== first;
	card.classList.toggle("differs", differs);
	card.classList.toggle("failed", error !== "");
	setTextOrHide(card.querySelector(".vote-error"), error || (top5.length === 0 ? say("noVote") : ""));
	setText(card.querySelector(".vote-ms"), top5.length > 0 ? `${vote.ms.toFixed(vote.ms < 10 ? 1 : 0)} ms` : "");
	const mark = card.querySelector(".vote-differs");
	setTextOrHide(mark, differs ? `≠ ${say("dissents")}` : "");
	mark.title = differs ? say("dissentsHelp") : "";
	renderChoices(card.querySelector(".vote-choices"), labels, top5);
}

export function renderChoices(list, labels, top5) {
	// By place, not by genre: nothing jumps.
	const rows = keepChildren(list, [...top5.keys()], String, makeRow);
	rows.forEach((row, place) => {
		const [slug, p] = top5[place];
		setText(row.querySelector(".name"), genreName(labels, slug));
		setText(row.querySelector(".value"), percent(p));
		setShare(row.querySelector(".fill"), p);
	});
}

function makeRow() {
	const row = element("li", "row");
	row.append(element("span", "name"), element("span", "value"), makeBar());
	return row;
}
