// One station, small, for a frame on a strange page.

import { addressOf, place } from "./address.js";
import { Connection } from "./connection.js";
import { byId } from "./dom.js";
import { makeCard, renderCard } from "./stationgrid.js";
import { Store } from "./store.js";
import { currentLanguage } from "./text.js";
import { takeTokenFromAddress } from "./token.js";

takeTokenFromAddress();
const store = new Store();
const card = makeCard();
card.target = "_blank";
card.rel = "noopener";
byId("widget").append(card);
document.documentElement.lang = currentLanguage() === "zh" ? "zh-CN" : "en";
const connection = new Connection({ onState: changeConnection, onMessage: receive, onColumns: () => {} });
let station = null;

function receive(message) {
	if (message.type === "hello" && store.hello && store.hello.software !== message.software) location.reload();
	store.apply(message);
	if (message.type === "hello") {
		const asked = place().station;
		station = message.stations.find(({ id }) => id === asked) ?? message.stations[0];
		card.href = addressOf({ station: station.id }).replace("widget.html", "");
		connection.subscribe([station.id], ["hop", "status", "title"]);
	}
	render();
}

function changeConnection() {
	if (connection.state !== "live") store.disconnected();
	render();
}

function render() {
	if (document.hidden) return;
	const known = station && store.station(station.id);
	renderCard(card, station?.name ?? "", store.hello?.labels ?? [], connection.state === "live", known ?? {});
}

document.addEventListener("visibilitychange", render);
connection.open();
