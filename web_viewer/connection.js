// The WebSocket to the daemon: reconnects for ever.

import { token } from "./token.js";

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 15_000;
const STEADY_MS = 10_000;
// A status comes once a second: this quiet is a dead connection.
const QUIET_MS = 10_000;
const NOT_ADMITTED = 4401; // the daemon's close code when the token is missing or wrong

// `state`: "connecting", "live" (hello has come), "waiting" (until `retryAt` of performance.now()), or "locked": the daemon
// wants another token, and `open` tries it. `liveSince`: when hello came.
export class Connection {
	constructor({ onState, onMessage, onColumns }) {
		this.state = "connecting";
		this.retryAt = 0;
		this._url = new URL("ws", location.origin + location.pathname);
		this._url.protocol = this._url.protocol === "https:" ? "wss:" : "ws:";
		this._onState = onState;
		this._onMessage = onMessage;
		this._onColumns = onColumns;
		this._socket = null;
		this._subscription = null;
		this._failures = 0;
		this._lastHeard = 0;
		this.liveSince = 0;
		this._timer = 0;
		setInterval(() => this._checkQuiet(), 1000);
		window.addEventListener("online", () => this.retryNow());
	}

	open() {
		clearTimeout(this._timer);
		this._lastHeard = performance.now();
		const socket = new WebSocket(this._url);
		socket.binaryType = "arraybuffer";
		this._socket = socket;
		this._become("connecting");
		// Without one, too: who asks for it says so at once.
		socket.onopen = () => socket.send(JSON.stringify({ type: "token", token: token() }));
		// One that was given up may still report.
		socket.onmessage = (event) => socket === this._socket && this._receive(event.data);
		socket.onclose = ({ code }) => {
			if (socket !== this._socket) return;
			if (code === NOT_ADMITTED) this._refused();
			else this._lost();
		};
	}

	retryNow() {
		if (this.state === "waiting") this.open();
	}

	subscribe(stations, topics) {
		this._subscription = JSON.stringify({ type: "subscribe", stations, topics });
		if (this.state === "live") this._socket.send(this._subscription);
	}

	_receive(data) {
		this._lastHeard = performance.now();
		if (data instanceof ArrayBuffer) {
			this._onColumns(data);
			return;
		}
		let message;
		try {
			message = JSON.parse(data);
		} catch {
			return; // Not a message of this protocol: nothing to show.
		}
		this._onMessage(message);
		if (message.type !== "hello" || this.state === "live") return;
		this.liveSince = this._lastHeard;
		this._become("live");
		// Only now: onMessage may have chosen the station.
		if (this._subscription) this._socket.send(this._subscription);
	}

	_refused() {
		this._socket = null;
		this._become("locked");
	}

	_lost() {
		this._socket = null;
		const steady = this.state === "live" && performance.now() - this.liveSince > STEADY_MS;
		this._failures = steady ? 1 : this._failures + 1;
		const backoff = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** (this._failures - 1));
		const wait = backoff * (0.8 + 0.4 * Math.random()); // Jitter: a restarted daemon is not hit by all screens at once.
		this.retryAt = performance.now() + wait;
		this._timer = setTimeout(() => this.open(), wait);
		this._become("waiting");
	}

	_checkQuiet() {
		if (!this._socket || performance.now() - this._lastHeard < QUIET_MS) return;
		const socket = this._socket;
		this._lost();
		socket.close();
	}

	_become(state) {
		this.state = state;
		this._onState();
	}
}
