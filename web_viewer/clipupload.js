// Sends a recording. XMLHttpRequest, since fetch tells no progress of a body.

import { say } from "./text.js";
import { authorization } from "./token.js";

const MOST_NAME = 200;

export class ClipUpload {
	constructor(file, which, { onSent, onLine, onFail }) {
		const request = new XMLHttpRequest();
		const asked = new URLSearchParams({ name: file.name.slice(-MOST_NAME), clip: which, format: "jsonl", pictures: "yes" });
		this._request = request;
		this._onLine = onLine;
		this._onFail = onFail;
		this._read = 0;
		this._isWhole = false;
		request.open("POST", `api/v1/clips?${asked}`);
		for (const [name, value] of Object.entries(authorization())) request.setRequestHeader(name, value);
		request.setRequestHeader("Content-Type", "application/octet-stream");
		request.upload.onprogress = ({ loaded, total }) => onSent(total ? loaded / total : 0);
		request.onprogress = () => this._take();
		request.onload = () => {
			this._take();
			if (!this._isWhole) onFail(refusalOf(request));
		};
		request.onerror = () => onFail(say(this._read ? "clipCut" : "clipLost"));
		request.send(file);
	}

	cancel() {
		this._isWhole = true;
		this._request.abort();
	}

	_take() {
		if (this._request.status !== 200) return;
		const text = this._request.responseText;
		for (let end; (end = text.indexOf("\n", this._read)) !== -1 && !this._isWhole; ) {
			const line = JSON.parse(text.slice(this._read, end));
			this._read = end + 1;
			this._isWhole = line.type === "end" || line.type === "failed";
			if (line.type === "failed") this._onFail(line.error);
			else this._onLine(line);
		}
	}
}

function refusalOf(request) {
	if (request.status === 200) return say("clipCut");
	if (request.status === 401) return say("locked");
	if (request.status === 404) return say("clipNone");
	try {
		return JSON.parse(request.responseText).error;
	} catch {
		return say("serverError", { message: request.status });
	}
}
