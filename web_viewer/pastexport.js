// Takes home what the picture shows.

import { byId, element, keepChildren, setText } from "./dom.js";
import { say } from "./text.js";
import { authorization, token } from "./token.js";

const FORMATS = { csv: "CSV", json: "JSON", audacity: "Audacity", cue: "CUE", report: null };

export function renderExports(station, from, to) {
	const links = keepChildren(byId("exports"), Object.keys(FORMATS), String, makeLink);
	const zone = new Date(to).getTimezoneOffset() * 60_000;
	const day = new Date(to - 1 - zone).toISOString().slice(0, 10);
	const tz = Intl.DateTimeFormat().resolvedOptions().timeZone;
	for (const link of links) {
		const format = link.dataset.key;
		const range = format === "report" ? { from: day } : { from: new Date(from).toISOString(), to: new Date(to).toISOString() };
		setText(link, FORMATS[format] ?? say("dayReport"));
		link.href = `api/v1/timeline?${new URLSearchParams({ station, ...range, tz, format })}`;
	}
}

function makeLink() {
	const link = element("a");
	link.target = "_blank";
	link.onclick = (event) => {
		if (!token()) return;
		event.preventDefault(); // An address carries no token.
		save(link.href);
	};
	return link;
}

async function save(address) {
	const response = await fetch(address, { headers: authorization() });
	const link = element("a");
	link.download = /filename="(.+)"/.exec(response.headers.get("content-disposition"))?.[1] ?? "";
	link.href = URL.createObjectURL(await response.blob());
	link.click();
	setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
