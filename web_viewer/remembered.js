// Choices that outlive the page.

const PREFIX = "ccmusic-stream.";

export function recall(name, allowed, otherwise) {
	let value = null;
	try {
		value = localStorage.getItem(PREFIX + name);
	} catch {
		// Storage is forbidden: the page only forgets.
	}
	return value !== null && (allowed === null || allowed.includes(value)) ? value : otherwise;
}

export function remember(name, value) {
	try {
		localStorage.setItem(PREFIX + name, value);
	} catch {
	}
}
