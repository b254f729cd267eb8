// What was found in a clip.

import { bytesOf, ClipSpectrogram, drawOutline, minutes } from "./clipplot.js";
import { byId, element, keepChildren, setText, setTextOrHide } from "./dom.js";
import { percent } from "./format.js";
import { agreementOf, firstChoice } from "./headline.js";
import { modelName, renderVotes } from "./models.js";
import { canSay, genreName, genreNameAlso, say } from "./text.js";

const KINDS = ["cqt", "mel"];

export class ClipResult {
	constructor(onPicture) {
		this._onPicture = onPicture;
		this._sides = Object.fromEntries(KINDS.map((kind) => [kind, makeSide(kind)]));
		byId("clip-sides").append(...KINDS.map((kind) => this._sides[kind].root));
		byId("clip-before").onclick = () => this._choose(this._chosen - 1);
		byId("clip-after").onclick = () => this._choose(this._chosen + 1);
		byId("outline").onclick = (event) => this._point(event);
		this.clear();
	}

	clear() {
		this._clip = this._end = null;
		this._windows = [];
		this._chosen = 0;
		this._drawn = "";
	}

	receive(line) {
		if (line.type === "clip") this._clip = line;
		else if (line.type === "window") this._windows.push(line);
		else this._end = line;
	}

	get progress() {
		return { done: this._windows.length, all: this._clip?.windows ?? 0 };
	}

	render({ hello }) {
		const window = this._windows[this._chosen];
		byId("clip-result").hidden = !window || !hello;
		if (!window || !hello) return;
		this._draw(hello, window);
		this._renderWindow(hello.labels, window);
		for (const kind of KINDS) this._renderSide(hello, kind, window);
	}

	_choose(place) {
		this._chosen = Math.min(this._windows.length - 1, Math.max(0, place));
		this._hello && this.render({ hello: this._hello });
	}

	_point(event) {
		const box = byId("outline").getBoundingClientRect();
		const s = ((event.clientX - box.left) / box.width) * this._clip.duration_s;
		const place = this._windows.findIndex((window) => window.start_s <= s && s < window.end_s);
		if (place !== -1) this._choose(place);
	}

	_draw(hello, window) {
		this._hello = hello;
		const drawn = `${window.start_s} ${document.documentElement.lang}`;
		if (this._drawn === drawn) return;
		this._drawn = drawn;
		drawOutline(byId("outline"), this._clip, window);
		for (const each of window.seen.spectrograms) this._sides[each.kind].plot.draw(each, hello.spectrogram, window.start_s);
	}

	_renderWindow(labels, window) {
		const { file, windows: all, duration_s: duration, trained } = this._clip;
		const first = firstChoice(window.ensemble);
		const { agreeing, voters } = agreementOf(window);
		const agreement = `${say("agreement")} ${say("agreeing", { n: agreeing, all: voters })}`;
		const names = window.contenders.map((slug) => genreName(labels, slug)).join(say("or"));
		const words = {
			name: file,
			length: minutes(duration),
			where: say("clipWindow", { from: minutes(window.start_s), to: minutes(window.end_s), n: this._chosen + 1, all }),
			genre: first ? genreName(labels, first) : say("noVote"),
			also: first ? genreNameAlso(labels, first) : "",
			band: first ? `${say(`band_${window.band}`)} · ${percent(window.ensemble[first])}` : "",
			agreement: first ? `${agreement} · ${say("divergence")} ${window.divergence.toFixed(2)}` : "",
			contenders: window.contenders.length > 1 ? say("contenders", { names }) : "",
		};
		for (const [name, text] of Object.entries(words)) setTextOrHide(byId(`clip-${name}`), text);
		byId("clip-band").dataset.band = window.band;
		for (const [id, end] of [["clip-before", 0], ["clip-after", this._windows.length - 1]]) {
			byId(id).hidden = all === 1;
			byId(id).disabled = this._chosen === end;
		}
		const advice = [trained ? say(`advice_${window.band}`) : say("randomCaveat"), ...(this._end?.advice ?? []).map(adviceWords)];
		const items = keepChildren(byId("clip-advice"), [...advice.keys()], String, () => element("li"));
		items.forEach((item, i) => setText(item, advice[i]));
	}

	_renderSide({ labels, models }, kind, window) {
		const side = this._sides[kind];
		const mine = models.filter((model) => model.spectrogram === kind);
		const open = (name) => this._onPicture(models, name, picturesOf(window));
		setText(side.heading, say(`clipSide_${kind}`));
		const together = meanOf(mine.map((model) => window.models[model.name]));
		const first = firstChoice(together);
		const said = first && say("clipTogether", { genre: genreName(labels, first), p: percent(together[first]) });
		setText(side.together, said ?? say("clipNoNetwork"));
		const pictures = window.seen.pictures.filter(({ models: by }) => mine.some((model) => by.includes(model.name)));
		const thumbs = keepChildren(side.pictures, pictures, ({ models: by }) => by.join(), makeThumb);
		thumbs.forEach((thumb, i) => {
			const { png, models: by } = pictures[i];
			const names = mine.filter((model) => by.includes(model.name)).map(modelName).join(", ");
			const address = `data:image/png;base64,${png}`;
			if (thumb.firstElementChild.getAttribute("src") !== address) thumb.firstElementChild.src = address;
			thumb.firstElementChild.alt = say("picture");
			setText(thumb.lastElementChild, say("seenBy", { names }));
			thumb.onclick = () => open(by[0]);
		});
		renderVotes(side.votes, { labels }, mine, window.models, firstChoice(window.ensemble), open);
	}
}

function makeSide(kind) {
	const root = element("section", "clip-side");
	const plot = new ClipSpectrogram();
	const side = { root, plot, heading: element("h3"), together: element("p", "together") };
	side.pictures = element("div", "thumbs");
	side.votes = element("ul", "votes");
	side.heading.id = `clip-${kind}`;
	root.setAttribute("aria-labelledby", side.heading.id);
	const head = element("div", "panel-head");
	head.append(side.heading, plot.readout);
	root.append(head, side.together, plot.root, side.pictures, side.votes);
	return side;
}

function makeThumb() {
	const thumb = element("button", "thumb");
	const image = element("img");
	[image.width, image.height] = [96, 96];
	thumb.append(image, element("span"));
	return thumb;
}

function meanOf(votes) {
	const heard = votes.filter((vote) => vote && vote.error === null);
	const slugs = Object.keys(heard[0]?.probabilities ?? {});
	return Object.fromEntries(slugs.map((slug) => [slug, heard.reduce((sum, vote) => sum + vote.probabilities[slug], 0) / heard.length]));
}

function adviceWords({ code, value, text }) {
	return canSay(`clip_${code}`) ? say(`clip_${code}`, { value: value.toFixed(code === "short" ? 1 : 0), text }) : text;
}

function picturesOf({ start_s: start, end_s: end, models: votes, seen }) {
	return {
		live: false,
		stamp: () => 0,
		when: () => say("seenIn", { from: minutes(start), to: minutes(end) }),
		vote: (model) => votes[model.name],
		async picture(model) {
			const found = seen.pictures.find(({ models }) => models.includes(model.name));
			if (!found) throw new Error(votes[model.name]?.error ?? say("noVote"));
			return new Blob([bytesOf(found.png)], { type: "image/png" });
		},
	};
}
