// The composition root: leads the daemon's messages to the rooms.

import { readColumns } from "./columns.js";
import { Connection } from "./connection.js";
import { ClipRoom } from "./clip.js";
import { byId } from "./dom.js";
import { Entry } from "./entry.js";
import { Header } from "./header.js";
import { Health } from "./health.js";
import { headline, hears } from "./headline.js";
import { renderHighEnd } from "./highend.js";
import { LevelMeter } from "./level.js";
import { Models } from "./models.js";
import { Modes } from "./modes.js";
import { Now } from "./now.js";
import { Notices } from "./notices.js";
import { Past } from "./past.js";
import { PastRoom } from "./pastroom.js";
import { livePictures, PictureDialog } from "./picturedialog.js";
import { Rolling } from "./rolling.js";
import { Spectrogram } from "./spectrogram.js";
import { StationGrid } from "./stationgrid.js";
import { StationSwitch } from "./stations.js";
import { Store } from "./store.js";
import { sayPage, switchLanguage } from "./text.js";

const LIGHT_TOPICS = ["hop", "segment", "status", "title", "notice"];
const ALL_TOPICS = [...LIGHT_TOPICS, "level", "spectrogram"];
const HEAVY_TOPICS_END_MS = 60_000; // how long a page that nobody sees goes on receiving level and spectrogram

const store = new Store();
const now = new Now();
const level = new LevelMeter();
const spectrogram = new Spectrogram();
// Before the stations read the address: a token in it is none.
const entry = new Entry(() => connection.state === "locked" && connection.open());
const pictures = new PictureDialog();
const models = new Models((name) => {
	const station = switchboard.current;
	pictures.open(store.hello.models, name, livePictures(station, () => store.station(station).hop));
});
const clips = new ClipRoom((...shown) => pictures.open(...shown));
const grid = new StationGrid();
const modes = new Modes(changeMode);
const past = new Past(schedule);
const pastRoom = new PastRoom(past, schedule);
const notices = new Notices();
const rooms = [new Header(), entry, modes, models, new Rolling(), pastRoom, new Health(), clips];
const switchboard = new StationSwitch(changeStation);
const connection = new Connection({ onState: changeConnection, onMessage: receive, onColumns: receiveColumns });
let scheduled = false;
let hiddenTimer = 0;

function receive(message) {
	if (message.type === "hello") {
		// A screen on a wall outlives upgrades: take the new daemon's page.
		if (store.hello && store.hello.software !== message.software) location.reload();
		store.apply(message);
		spectrogram.about(message.spectrogram, message.window_s, message.hop_s);
		switchboard.offer(message.stations);
	} else {
		if (message.type === "snapshot") spectrogram.expectRestart();
		store.apply(message);
		if (message.type === "snapshot") notices.hold(message.stations);
		if (message.type === "notice") notices.receive(message);
		const { current } = switchboard;
		const events = message.type === "snapshot" ? Object.values(message.stations[current] ?? {}) : [message];
		for (const event of events) if (event?.station === current) receiveForRoom(event);
	}
	schedule();
}

function receiveForRoom(message) {
	if (message.type === "level") level.receive(message);
	if (message.type === "hop") spectrogram.anchor(message.end_sample, Date.parse(message.time));
	if (message.type === "hop" || message.type === "segment" || message.type === "title") past.receive(message);
}

function receiveColumns(buffer) {
	const frame = readColumns(buffer);
	if (frame && store.hello?.stations[frame.station]?.id === switchboard.current) spectrogram.receive(frame);
}

function changeMode() {
	for (const { id } of store.hello?.stations ?? []) store.freshen(id);
	subscribe();
	schedule();
}

function changeStation() {
	store.freshen(switchboard.current);
	spectrogram.clear();
	level.clear();
	now.forget();
	past.forget();
	subscribe();
	schedule();
}

function changeConnection() {
	if (connection.state === "waiting" || connection.state === "locked") {
		store.disconnected();
		spectrogram.expectRestart();
		level.clear();
	}
	schedule();
}

function subscribe() {
	if (switchboard.current === null) return;
	const seen = !document.hidden || hiddenTimer !== 0;
	const sounds = modes.current === "full" || modes.current === "wall";
	connection.subscribe(modes.current === "stations" ? null : [switchboard.current], seen && sounds ? ALL_TOPICS : LIGHT_TOPICS);
}

function changeVisibility() {
	clearTimeout(hiddenTimer);
	hiddenTimer = 0;
	if (!document.hidden) {
		subscribe();
		schedule();
		return;
	}
	hiddenTimer = setTimeout(() => {
		hiddenTimer = 0;
		subscribe();
	}, HEAVY_TOPICS_END_MS);
}

// When nobody sees the page, only its title.
function schedule() {
	if (document.hidden) renderTitle();
	else if (!scheduled) {
		scheduled = true;
		requestAnimationFrame(render);
	}
}

function view() {
	const station = store.station(switchboard.current);
	const live = connection.state === "live";
	const head = headline(live, station.status, station.hop);
	return { hello: store.hello, error: store.error, station, connection, hearing: hears(head) };
}

function render() {
	scheduled = false;
	const current = view();
	if (modes.current === "full" && connection.state === "live") past.follow(store.hello, connection, switchboard.current, pastRoom.spanS);
	for (const room of rooms) room.render(current);
	level.render();
	const about = store.hello?.spectrogram;
	const window = about && (store.hello.window_s * about.sample_rate) / about.hop_length;
	renderHighEnd(current.hearing ? spectrogram.ring("mel") : null, window, about?.db_step);
	pictures.render(store.hello);
	if (modes.current === "stations") grid.render(current, (id) => store.station(id));
	notices.render(current, modes.current === "stations" ? null : switchboard.current);
	renderTitle(current);
}

function renderTitle(current = view()) {
	const words = now.render(current);
	const name = store.hello?.stations.find((station) => station.id === switchboard.current)?.name;
	document.title = name ? `${words} · ${name} · ccmusic-stream` : "ccmusic-stream";
}

byId("language").onclick = () => {
	switchLanguage();
	sayPage(document);
	spectrogram.renderWords();
	schedule();
};
byId("retry").onclick = () => connection.retryNow();
document.addEventListener("visibilitychange", changeVisibility);
setInterval(schedule, 1000); // countdowns and durations go on without messages
sayPage(document);
schedule();
connection.open();
