// The token that the daemon may ask for: from #token=… in the address, or typed in; this tab alone remembers it.

const KEY = "ccmusic-stream.token";
const IN_ADDRESS = "#token=";

let held = "";
try {
  held = sessionStorage.getItem(KEY) ?? "";
} catch {
  // Storage is forbidden in this browser: the token lasts as long as the page.
}

/** The token of this tab; empty when it has none. */
export function token() {
  return held;
}

/** The headers that a request below /api needs. */
export function authorization() {
  return held ? { Authorization: `Bearer ${held}` } : {};
}

/** Hold another token. */
export function holdToken(value) {
  held = value.trim();
  try {
    sessionStorage.setItem(KEY, held);
  } catch {
    // As above.
  }
}

/** Take the token out of the address, where neither the history nor a bystander shall find it; whether there was one. */
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
