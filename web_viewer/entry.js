// The door: asks for the token where one is needed.

import { byId, setText } from "./dom.js";
import { say } from "./text.js";
import { holdToken, takeTokenFromAddress, token } from "./token.js";

export class Entry {
	constructor(onToken) {
		this._field = byId("token");
		takeTokenFromAddress();
		window.addEventListener("hashchange", () => takeTokenFromAddress() && onToken());
		byId("entry").onsubmit = (event) => {
			event.preventDefault();
			holdToken(this._field.value);
			this._field.value = "";
			onToken();
		};
	}

	render({ connection }) {
		const form = byId("entry");
		const appears = form.hidden && connection.state === "locked";
		form.hidden = connection.state !== "locked";
		setText(byId("token-why"), say(token() ? "tokenWrong" : "tokenNeeded"));
		if (appears) this._field.focus();
	}
}
