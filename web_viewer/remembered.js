// Choices that outlive the page: kept in localStorage where the browser allows it.

const PREFIX = "ccmusic-stream.";

/** The remembered choice for `name` if it is one of `allowed` (null: anything goes), else `otherwise`. */
export function recall(name, allowed, otherwise) {
  let value = null;
  try {
    value = localStorage.getItem(PREFIX + name);
  } catch {
    // Storage is forbidden in this browser: the page works, it only forgets.
  }
  return value !== null && (allowed === null || allowed.includes(value)) ? value : otherwise;
}

/** Remember a choice. */
export function remember(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // As above.
  }
}
