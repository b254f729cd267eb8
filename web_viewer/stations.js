// Which station is shown: in the address after the #, else remembered, else the first.

import { byId, element, keepChildren, setText } from "./dom.js";
import { recall, remember } from "./remembered.js";

/** The switch in #stations; `current` is an id, null before hello. Calls `onChange()` when it becomes another. */
export class StationSwitch {
  constructor(onChange) {
    this.current = null;
    this._onChange = onChange;
    this._stations = [];
    window.addEventListener("hashchange", () => this._choose());
  }

  /** Take hello's stations. */
  offer(stations) {
    this._stations = stations;
    const links = keepChildren(byId("stations"), stations, (station) => station.id, makeLink);
    links.forEach((link, i) => setText(link, stations[i].name));
    this._choose();
  }

  _choose() {
    const ids = this._stations.map((station) => station.id);
    if (ids.length === 0) return;
    const asked = fromHash();
    const id = ids.includes(asked) ? asked : recall("station", ids, ids[0]);
    if (asked === id) remember("station", id);
    for (const link of byId("stations").children) {
      if (link.dataset.key === id) link.setAttribute("aria-current", "true");
      else link.removeAttribute("aria-current");
    }
    if (id === this.current) return;
    this.current = id;
    this._onChange();
  }
}

function fromHash() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return ""; // A broken escape in the address names no station.
  }
}

function makeLink(station) {
  const link = element("a", "station");
  link.href = `#${encodeURIComponent(station.id)}`;
  return link;
}
