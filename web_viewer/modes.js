// The ways to look at the page.

import { go, lead, onMove, place } from "./address.js";
import { byId, element, keepChildren, setText } from "./dom.js";
import { say } from "./text.js";

export class Modes {
	constructor(onChange) {
		this._awake = null;
		this._take();
		onMove(() => this._take() && onChange());
		document.addEventListener("visibilitychange", () => this._keepAwake());
		document.addEventListener("keydown", (event) => {
			const busy = event.defaultPrevented || document.querySelector("dialog[open]");
			if (event.key === "Escape" && this.current === "wall" && !busy) go({ mode: "full" });
		});
	}

	render({ hello }) {
		const several = (hello?.stations.length ?? 0) > 1;
		const modes = ["full", "wall", ...(several ? ["stations"] : []), "clip"];
		const links = keepChildren(byId("modes"), modes, String, () => element("a", "station"));
		links.forEach((link, i) => {
			setText(link, say(`mode_${modes[i]}`));
			lead(link, { mode: modes[i] });
			if (modes[i] === this.current) link.setAttribute("aria-current", "page");
			else link.removeAttribute("aria-current");
		});
		lead(byId("leave-wall"), { mode: "full" });
	}

	_take() {
		const { mode } = place();
		if (mode === this.current) return false;
		this.current = mode;
		document.body.dataset.mode = mode;
		this._keepAwake();
		return true;
	}

	// A wall's screen stays on where the browser can: https, or this machine.
	async _keepAwake() {
		if (this.current !== "wall") {
			await this._awake?.release();
			this._awake = null;
		} else if (!document.hidden && (!this._awake || this._awake.released)) {
			try {
				this._awake = (await navigator.wakeLock?.request("screen")) ?? null;
			} catch {
				// Refused, as on an empty battery.
			}
		}
	}
}
