// Which station is shown.

import { lead, onMove, place } from "./address.js";
import { byId, element, keepChildren, setText } from "./dom.js";
import { recall, remember } from "./remembered.js";

export class StationSwitch {
	constructor(onChange) {
		this.current = null;
		this._onChange = onChange;
		this._stations = [];
		onMove(() => this._choose());
	}

	offer(stations) {
		this._stations = stations;
		this._choose();
	}

	_choose() {
		const ids = this._stations.map((station) => station.id);
		if (ids.length === 0) return;
		const { station: asked } = place();
		const id = ids.includes(asked) ? asked : recall("station", ids, ids[0]);
		if (asked === id) remember("station", id);
		const links = keepChildren(byId("stations"), this._stations, (station) => station.id, () => element("a", "station"));
		links.forEach((link, i) => {
			setText(link, this._stations[i].name);
			lead(link, { station: ids[i] });
			if (ids[i] === id) link.setAttribute("aria-current", "true");
			else link.removeAttribute("aria-current");
		});
		if (id === this.current) return;
		this.current = id;
		this._onChange();
	}
}
