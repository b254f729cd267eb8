// The colours of decibels, even in lightness (after magma).

// At equal steps of loudness; between them a smooth curve.
const ANCHORS = [
	[3, 2, 10], [27, 16, 66], [78, 19, 122], [129, 37, 129], [181, 54, 122], [229, 80, 100], [250, 134, 96], [254, 193, 134],
	[252, 252, 192],
];

export const SPAN_DB = 80;

export function colour(t) {
	const position = Math.min(1, Math.max(0, t)) * (ANCHORS.length - 1);
	const i = Math.min(ANCHORS.length - 2, Math.floor(position));
	const u = position - i;
	const [a, b, c, d] = [ANCHORS[Math.max(0, i - 1)], ANCHORS[i], ANCHORS[i + 1], ANCHORS[Math.min(ANCHORS.length - 1, i + 2)]];
	return b.map((_, k) => {
		// Catmull–Rom: linear pieces would have visible kinks.
		const value = b[k] + 0.5 * u * (c[k] - a[k] + u * (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k] + u * (3 * (b[k] - c[k]) + d[k] - a[k])));
		return Math.round(Math.min(255, Math.max(0, value)));
	});
}

export function palette(topDb, floorDb, stepDb) {
	const pixels = new Uint8ClampedArray(256 * 4);
	for (let value = 0; value < 256; value++) {
		const t = (floorDb + value * stepDb - (topDb - SPAN_DB)) / SPAN_DB;
		pixels.set([...colour(t), 255], value * 4);
	}
	return pixels;
}
