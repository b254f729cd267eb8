// The head of the page: how connection and source are.

import { byId, setText, setTextOrHide } from "./dom.js";
import { say } from "./text.js";

const WIRE_VERSION = 1;

export class Header {
	render({ hello, station, connection, error }) {
		const chip = byId("connection");
		chip.dataset.state = connection.state;
		setText(chip, connectionWords(connection));
		byId("retry").hidden = connection.state !== "waiting";
		const source = connection.state === "live" ? station.status?.source : null;
		byId("source").dataset.state = source?.state ?? "";
		setTextOrHide(byId("source"), source ? say(`source_${source.state}`) : "");
		byId("untrained").hidden = !hello || hello.trained;
		setTextOrHide(byId("trouble"), trouble(hello, source, error));
		const language = byId("language");
		setText(language, say("otherLanguage"));
		language.lang = document.documentElement.lang === "en" ? "zh" : "en";
		language.title = say("otherLanguageHelp");
	}
}

function connectionWords({ state, retryAt }) {
	if (state === "waiting") return say("reconnecting", { s: Math.max(1, Math.ceil((retryAt - performance.now()) / 1000)) });
	return say(state);
}

function trouble(hello, source, error) {
	if (hello && hello.version !== WIRE_VERSION) return say("wrongVersion", { version: hello.version });
	if (source?.error) return say("sourceError", { error: source.error });
	return error ? say("serverError", { message: error }) : "";
}
