// What a network saw, large: live or held, or of a clip.

import { byId, setText, setTextOrHide } from "./dom.js";
import { clock } from "./format.js";
import { modelName, renderChoices } from "./models.js";
import { say } from "./text.js";
import { authorization } from "./token.js";

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };

// A source has `picture(model)`, a promise of a Blob, `vote(model)`, `when()` in words, and `stamp()`, another whenever
// there is a newer picture.
export class PictureDialog {
	constructor() {
		this._dialog = byId("picture-dialog");
		this._image = byId("seen");
		this._shown = null;
		this._asking = false;
		byId("seen-close").onclick = () => this._dialog.close();
		byId("seen-hold").onclick = () => {
			this._held = !this._held;
			this.render(this._hello);
		};
		byId("seen-before").onclick = () => this._step(-1);
		byId("seen-after").onclick = () => this._step(1);
		this._dialog.onkeydown = (event) => STEPS[event.key] && this._step(STEPS[event.key]);
		this._dialog.onclick = ({ target }) => void (target === this._dialog && this._dialog.close());
		this._dialog.onclose = () => this._forget();
	}

	open(models, name, source) {
		this._models = models;
		this._place = models.findIndex((model) => model.name === name);
		this._source = source;
		this._held = false;
		this._dialog.showModal();
		this.render(this._hello);
	}

	render(hello) {
		this._hello = hello;
		if (!this._dialog.open || !hello) return;
		const model = this._models[this._place];
		setText(byId("seen-name"), `${modelName(model)} · ${model.spectrogram.toUpperCase()}`);
		const hold = byId("seen-hold");
		hold.hidden = !this._source.live;
		hold.setAttribute("aria-pressed", String(this._held));
		setText(hold, say("hold"));
		this._image.alt = say("pictureOf", { model: modelName(model) });
		setText(byId("seen-help"), say("seenHelp", { side: say(model.profile === "ccmusic" ? "side_bottom" : "side_top") }));
		if (!this._held || this._shown?.model !== model) this._refresh(model);
		if (this._shown?.model !== model) return;
		setText(byId("seen-when"), this._shown.when);
		renderChoices(byId("seen-choices"), hello.labels, this._shown.top5);
	}

	async _refresh(model) {
		const stamp = this._source.stamp();
		if (this._asking || (this._shown?.model === model && this._shown.stamp === stamp)) return;
		this._asking = true;
		const source = this._source;
		let [blob, trouble] = [null, ""];
		try {
			blob = await source.picture(model);
		} catch (error) {
			trouble = error.message;
		}
		this._asking = false;
		if (!this._dialog.open || source !== this._source || model !== this._models[this._place]) return;
		this._shown = { model, stamp, when: source.when(), top5: source.vote(model)?.top5 ?? [] };
		this._show(blob);
		setTextOrHide(byId("seen-trouble"), trouble);
		this.render(this._hello);
	}

	_show(blob) {
		if (this._image.src) URL.revokeObjectURL(this._image.src);
		if (blob) this._image.src = URL.createObjectURL(blob);
		else this._image.removeAttribute("src");
		this._image.hidden = !blob;
	}

	_step(step) {
		this._place = (this._place + step + this._models.length) % this._models.length;
		this.render(this._hello);
	}

	_forget() {
		this._show(null);
		this._shown = this._source = null;
	}
}

export function livePictures(station, hop) {
	return {
		live: true,
		stamp: () => hop()?.seq,
		when: () => (hop() ? say("seenAt", { time: clock(Date.parse(hop().time), { seconds: true }) }) : ""),
		vote: (model) => hop()?.models[model.name],
		async picture(model) {
			const path = `api/v1/stations/${encodeURIComponent(station)}/picture/${encodeURIComponent(model.name)}.png`;
			const answer = await fetch(path, { headers: authorization() }).catch(() => null);
			if (answer?.ok) return answer.blob();
			const refusal = await answer?.json().catch(() => null);
			throw new Error(refusal?.error ?? say("why_offline"));
		},
	};
}
