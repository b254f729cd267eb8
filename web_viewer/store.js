// The newest of every station.

// A station that was not subscribed to is known longer ago, and not shown.
const STALE_MS = 3000;

class StationMemory {
	constructor() {
		this.forget();
	}

	forget() {
		this.status = null;
		this.hop = null;
		this.title = null;
		this.heardAt = 0;
		this.hopAt = 0;
	}
}

export class Store {
	constructor() {
		this.hello = null;
		this.error = null;
		this._stations = new Map();
	}

	station(id) {
		if (!this._stations.has(id)) this._stations.set(id, new StationMemory());
		return this._stations.get(id);
	}

	freshen(id) {
		const station = this.station(id);
		if (performance.now() - station.heardAt > STALE_MS) station.forget();
	}

	disconnected() {
		for (const station of this._stations.values()) station.forget();
	}

	apply(message) {
		if (message.type === "hello") this._greet(message);
		else if (message.type === "snapshot") this._applySnapshot(message.stations);
		else if (message.type === "error") this.error = String(message.message ?? message.error ?? "error");
		else if (this._knows(message.station)) this._applyEvent(message);
	}

	_greet(hello) {
		this.hello = hello;
		this.error = null;
		for (const id of this._stations.keys()) {
			if (!this._knows(id)) this._stations.delete(id);
		}
	}

	_knows(id) {
		return this.hello?.stations.some((station) => station.id === id) ?? false;
	}

	_applySnapshot(stations) {
		for (const [id, { status, hop }] of Object.entries(stations)) {
			if (!this._knows(id)) continue;
			for (const event of [status, hop]) {
				if (event) this._applyEvent(event);
			}
		}
	}

	_applyEvent(event) {
		const station = this.station(event.station);
		station.heardAt = performance.now();
		if (event.type === "hop") {
			station.hop = event;
			station.hopAt = station.heardAt;
		} else if (event.type === "status") {
			station.status = event;
			station.title = event.source.title;
		} else if (event.type === "title") {
			station.title = event.title;
		}
	}
}
