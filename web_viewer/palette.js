// One colour for every genre; a name always stands beside it.

const FIRST_HUE = 55;
const GOLDEN_ANGLE = 137.508;
const CHROMA = 0.095;
const LIGHTNESS = [0.75, 0.66, 0.8]; // neighbours differ in lightness too, for eyes that tell hues badly
const GREY = "rgb(128 128 140)";

export function genreColour(labels, slug) {
	const place = labels.findIndex((label) => label.slug === slug);
	if (place === -1 || !labels[place].music) return GREY;
	return fromOklch(LIGHTNESS[place % LIGHTNESS.length], CHROMA, FIRST_HUE + place * GOLDEN_ANGLE);
}

// As rgb(): older browsers on walls do not know oklch().
function fromOklch(lightness, chroma, degrees) {
	const [a, b] = [chroma * Math.cos((degrees * Math.PI) / 180), chroma * Math.sin((degrees * Math.PI) / 180)];
	const l = (lightness + 0.396337 * a + 0.215803 * b) ** 3;
	const m = (lightness - 0.105561 * a - 0.063854 * b) ** 3;
	const s = (lightness - 0.089484 * a - 1.291485 * b) ** 3;
	const linear = [
		4.076741 * l - 3.307711 * m + 0.230969 * s,
		-1.268438 * l + 2.609757 * m - 0.341319 * s,
		-0.004196 * l - 0.703418 * m + 1.707614 * s,
	];
	const channels = linear.map((value) => {
		const inside = Math.min(1, Math.max(0, value));
		return Math.round(255 * (inside <= 0.003130 ? 12.92 * inside : 1.055 * inside ** (1 / 2.4) - 0.055));
	});
	return `rgb(${channels.join(" ")})`;
}
