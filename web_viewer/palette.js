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
	const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
	const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
	const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
	const linear = [
		4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
		-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
		-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
	];
	const channels = linear.map((value) => {
		const inside = Math.min(1, Math.max(0, value));
		return Math.round(255 * (inside <= 0.0031308 ? 12.92 * inside : 1.055 * inside ** (1 / 2.4) - 0.055));
	});
	return `rgb(${channels.join(" ")})`;
}
