// The token, from the address or typed in; this tab alone remembers it.

const KEY = "ccmusic-stream.token";
const IN_ADDRESS = "#token=";

let held = "";
try {
	held = sessionStorage.getItem(KEY) ?? "";
} catch {
	// Storage is forbidden: it lasts as long as the page.
}

export function token() {
	return held;
}

export function authorization() {
	return held ? { Authorization: `Bearer ${held}` } : {};
}

export function holdToken(value) {
	held = value.trim();
	try {
		sessionStorage.setItem(KEY, held);
	} catch {
	}
}

// Out of the address, where neither history nor bystander shall find it.
export function takeTokenFromAddress() {
	if (!location.hash.startsWith(IN_ADDRESS)) return false;
	const written = location.hash.slice(IN_ADDRESS.length);
	try {
		holdToken(decodeURIComponent(written));
	} catch {
		holdToken(written); // A percent sign that escapes nothing is a part of the token.
	}
	history.replaceState(null, "", location.pathname + location.search);
	return true;
}
