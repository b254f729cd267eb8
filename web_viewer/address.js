// Where the page is: ?station= and ?mode= in the address.

const MODES = ["full", "wall", "stations", "clip"];

const listeners = [];

export function place() {
	const asked = new URLSearchParams(location.search);
	const mode = asked.get("mode");
	return { station: asked.get("station"), mode: MODES.includes(mode) ? mode : "full" };
}

export function addressOf(change) {
	const asked = new URLSearchParams(location.search);
	for (const [name, value] of Object.entries(change)) asked.set(name, value);
	if (asked.get("mode") === "full") asked.delete("mode");
	const query = asked.toString();
	return location.pathname + (query ? `?${query}` : "");
}

export function go(change) {
	history.pushState(null, "", addressOf(change));
	tell();
}

export function lead(anchor, change) {
	anchor.href = addressOf(change);
	anchor.onclick = (event) => {
		if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
		event.preventDefault();
		go(change);
	};
}

export function onMove(listener) {
	listeners.push(listener);
}

function tell() {
	for (const listener of listeners) listener();
}

function takeHash() {
	if (!location.hash || location.hash.startsWith("#token=")) return;
	try {
		history.replaceState(null, "", addressOf({ station: decodeURIComponent(location.hash.slice(1)) }));
	} catch {
		// A broken escape in the address names no station.
	}
}

takeHash();
window.addEventListener("hashchange", () => {
	takeHash();
	tell();
});
window.addEventListener("popstate", tell);
