// The room where a recording is dropped and analysed.

import { go, place } from "./address.js";
import { ClipResult } from "./clipresult.js";
import { ClipUpload } from "./clipupload.js";
import { byId, setText, setTextOrHide } from "./dom.js";
import { say } from "./text.js";

export class ClipRoom {
	constructor(onPicture) {
		this._result = new ClipResult(onPicture);
		this._upload = null;
		this._file = null;
		this._trouble = "";
		this._sent = 0;
		const input = byId("clip-file");
		input.onchange = () => {
			this._analyse(input.files[0]);
			input.value = ""; // the same file may be chosen again
		};
		byId("clip-which").onchange = () => this._analyse(this._file);
		byId("clip-cancel").onclick = () => this._cancel();
		document.ondragover = (event) => this._over(event);
		document.addEventListener("dragleave", (event) => event.relatedTarget === null && this._mark(false));
		document.ondrop = (event) => this._drop(event);
	}

	render(view) {
		if (place().mode !== "clip") return;
		const busy = this._upload !== null;
		const { done, all } = this._result.progress;
		byId("clip-progress").hidden = !busy;
		const words = this._sent < 1 ? say("clipSending") : all ? say("clipLooking", { n: Math.min(done + 1, all), all }) : say("clipDecoding");
		setText(byId("clip-status"), busy ? words : "");
		const bar = byId("clip-share");
		if (this._sent < 1) bar.value = this._sent;
		else if (all) bar.value = done / all;
		else bar.removeAttribute("value");
		setTextOrHide(byId("clip-trouble"), this._trouble);
		this._view = view;
		this._result.render(view);
	}

	_analyse(file) {
		if (!file) return;
		this._upload?.cancel();
		this._file = file;
		this._trouble = "";
		this._sent = 0;
		this._result.clear();
		const upload = new ClipUpload(file, byId("clip-which").value, {
			onSent: (share) => this._if(upload, () => (this._sent = share)),
			onLine: (line) => this._if(upload, () => this._take(line)),
			onFail: (sentence) => this._if(upload, () => this._fail(sentence)),
		});
		this._upload = upload;
		this._again();
	}

	_if(upload, act) {
		if (upload !== this._upload) return;
		act();
		this._again();
	}

	_take(line) {
		this._sent = 1;
		this._result.receive(line);
		if (line.type === "end") this._upload = null;
	}

	_fail(sentence) {
		this._upload = null;
		this._trouble = say("clipFailed", { file: this._file.name, why: sentence });
	}

	_cancel() {
		this._upload?.cancel();
		this._upload = null;
		this._again();
		byId("clip-file").focus();
	}

	_again() {
		if (this._view) this.render(this._view);
	}

	_over(event) {
		if (!event.dataTransfer.types.includes("Files")) return;
		event.preventDefault();
		this._mark(true);
	}

	_drop(event) {
		this._mark(false);
		const [file] = event.dataTransfer.files;
		if (!file) return;
		event.preventDefault();
		if (place().mode !== "clip") go({ mode: "clip" });
		this._analyse(file);
	}

	_mark(over) {
		document.body.classList.toggle("dropping", over);
	}
}
