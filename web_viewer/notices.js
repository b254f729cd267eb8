// What somebody at the station should know.

import { byId, element, keepChildren, setText } from "./dom.js";
import { clock } from "./format.js";
import { say } from "./text.js";

const MOST_OVER = 5;

export class Notices {
	constructor() {
		this._known = new Map();
	}

	receive(notice) {
		this._known.delete(notice.id);
		this._known.set(notice.id, notice);
		const over = [...this._known.values()].filter(isOver);
		if (over.length > MOST_OVER) this._known.delete(over[0].id);
	}

	// A snapshot names those that hold: of others nobody knows the end.
	hold(stations) {
		for (const [id, notice] of this._known) if (!isOver(notice)) this._known.delete(id);
		for (const { notices } of Object.values(stations)) for (const notice of notices) this.receive(notice);
	}

	render({ hello }, shown) {
		if (!hello) return;
		const several = hello.stations.length > 1;
		const notices = [...this._known.values()].filter(({ station }) => shown === null || station === shown);
		const rows = keepChildren(byId("alerts"), notices, ({ id }) => id, () => this._makeRow());
		rows.forEach((row, i) => {
			const { station, severity, kind, text, since, time } = notices[i];
			const over = isOver(notices[i]);
			const name = several ? `${hello.stations.find(({ id }) => id === station)?.name ?? station} · ` : "";
			row.dataset.severity = over ? "over" : severity;
			setText(row.querySelector("strong"), `${name}${say(`notice_${kind}`)} · ${say(over ? "noticeOver" : `severity_${severity}`)}`);
			setText(row.querySelector(".alert-text"), text);
			setText(row.querySelector("time"), `${clock(Date.parse(since))}${over ? ` – ${clock(Date.parse(time))}` : ""}`);
			const button = row.querySelector("button");
			button.hidden = !over;
			button.setAttribute("aria-label", say("dismiss"));
		});
	}

	_makeRow() {
		const row = element("li", "notice alert");
		const text = element("span", "alert-text");
		text.lang = "en"; // as the daemon writes it
		const button = element("button", "", "✕");
		button.onclick = () => {
			this._known.delete(row.dataset.key);
			row.remove();
		};
		row.append(element("strong"), text, element("time"), button);
		return row;
	}
}

function isOver({ change }) {
	return change !== "raised";
}
