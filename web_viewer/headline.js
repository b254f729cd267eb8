// Decides what may be said about a station at this moment.

const HEARD = new Set(["music", "speech", "uncertain", "listening"]);
const SAID_AS_STATE = new Set(["paused", "no_signal", "silence"]);

// {kind: "genre" | "state", name}. A genre is said only while it is known: never when the connection is gone, the source is
// down or silent, or the networks are away.
export function headline(live, status, hop) {
	if (!live) return { kind: "state", name: "offline" };
	const state = status?.state ?? hop?.state ?? "starting";
	if (SAID_AS_STATE.has(state)) return { kind: "state", name: state };
	const analyzer = status?.analyzer.state;
	if (analyzer === "restarting" || analyzer === "starting") return { kind: "state", name: analyzer };
	if (state !== "music") return { kind: "state", name: state };
	return hop?.genre ? { kind: "genre", name: hop.genre } : { kind: "state", name: "listening" };
}

export function hears(head) {
	return head.kind === "genre" || HEARD.has(head.name);
}

export function agreementOf(hop) {
	const voters = Object.values(hop.models).filter((vote) => vote.error === null && vote.top5.length > 0).length;
	return { agreeing: Math.round(hop.agreement * voters), voters };
}

export function firstChoice(probabilities) {
	let best = null;
	for (const [slug, p] of Object.entries(probabilities)) {
		if (best === null || p > probabilities[best]) best = slug;
	}
	return best;
}
