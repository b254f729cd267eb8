// Draws the past.

import { genreColour } from "./palette.js";

const RIBBON = 12;
const BAND = 22;
const TITLE = 17;
const LINE = 30;
const SPACE = 8;
// 4 × 4 points for what has no genre: form, and never colour alone.
const TILES = { speech: 0x8020, silence: 0x00f0, no_signal: 0x8421, down: 0x9669, paused: 0x8888, uncertain: 0xa050 };

export function rowsOf(height, models) {
	const ribbonHeight = models * RIBBON;
	const stack = Math.max(30, height - BAND - TITLE - ribbonHeight - LINE - 4 * SPACE);
	const band = stack + SPACE;
	const ribbon = band + BAND + TITLE + SPACE;
	return {
		stack: [0, stack],
		band: [band, BAND],
		titles: [band + BAND, TITLE],
		ribbon: Array.from({ length: models }, (_, i) => [ribbon + i * RIBBON, RIBBON - 1]),
		line: [ribbon + ribbonHeight + SPACE, LINE],
	};
}

export function drawPast(canvas, steps, stretches, labels, nameOf) {
	const density = Math.min(2, window.devicePixelRatio || 1);
	const [width, height] = [canvas.clientWidth, canvas.clientHeight];
	canvas.width = Math.round(width * density);
	canvas.height = Math.round(height * density);
	const context = canvas.getContext("2d");
	context.scale(density, density);
	const style = getComputedStyle(canvas);
	const ink = Object.fromEntries(["panel", "track", "text", "muted", "accent"].map((name) => [name, style.getPropertyValue(`--${name}`)]));
	context.font = `12px ${style.fontFamily}`;
	context.textBaseline = "middle";
	// On whole pixels of the screen, so that neighbours neither overlap nor leave a seam.
	const x = (time) => Math.round(((Math.min(steps.end, Math.max(steps.first, time)) - steps.first) / (steps.end - steps.first)) * width * density) / density;
	const fill = (colour, ...box) => {
		context.fillStyle = colour;
		context.fillRect(...box);
	};
	const edge = (place) => x(steps.first + place * steps.stepMs);
	const most = Array.from(steps.hops, (_, place) => steps.verdict(place).choice);
	const colourOf = (slug) => genreColour(labels, slug);
	const painter = { context, fill, width, steps, stretches, x, edge, most, ink, nameOf, colourOf, colours: steps.labels.map(colourOf) };
	const rows = rowsOf(height, steps.models.length);
	drawStack(painter, ...rows.stack);
	drawBand(painter, ...rows.band);
	drawTitles(painter, ...rows.titles);
	rows.ribbon.forEach((row, i) => drawChoices(painter, i, ...row));
	drawDivergence(painter, ...rows.line);
}

function drawStack({ fill, width, steps, edge, ink, colours }, top, height) {
	fill(ink.track, 0, top, width, height);
	for (let place = 0; place < steps.count; place++) {
		if (steps.hops[place] === 0) continue;
		const [left, wide] = [edge(place), edge(place + 1) - edge(place)];
		let from = top + height;
		for (let i = 0; i < colours.length; i++) {
			const share = steps.share(place, i) * height;
			fill(colours[i], left, from - share, wide, share + 0.5);
			from -= share;
		}
	}
}

function drawBand(painter, top, height) {
	const { context, fill, width, stretches, x, ink, colourOf, nameOf } = painter;
	fill(ink.track, 0, top, width, height);
	for (const segment of stretches.segments) {
		const [left, right] = [x(segment.start), x(segment.end)];
		if (right <= left) continue;
		const genre = segment.kind === "music" && segment.genre;
		fill(genre ? colourOf(genre) : patternOf(context, segment.kind, ink), left, top, right - left, height);
		if (genre && segment.blend) drawBlend(painter, segment, top, height);
		fill(ink.panel, left, top, right - left > 2 ? 1 : 0, height);
		write(painter, nameOf(segment), left + 6, top + height / 2, right - left - 10, genre ? "#16151a" : ink.text, !genre && ink.track);
	}
}

// Two genres heard together: what was before gives way along a slope.
function drawBlend({ context, fill, x, colourOf }, { blend, genre }, top, height) {
	const left = x(Date.parse(blend.start));
	const right = Math.max(left + 4, x(Date.parse(blend.end)));
	fill(colourOf(genre), left, top, right - left, height);
	context.fillStyle = colourOf(blend.before);
	context.beginPath();
	context.moveTo(left, top);
	context.lineTo(right, top);
	context.lineTo(left, top + height);
	context.fill();
}

function drawTitles(painter, top, height) {
	const { fill, steps, stretches, x, ink } = painter;
	for (const { title, from, to } of stretches.named()) {
		if (to <= steps.first || from >= steps.end) continue;
		const left = x(from);
		if (x(to) > left + 4) fill(ink.muted, left, top + 3, 1, height - 3);
		write(painter, title, left + 5, top + height / 2 + 2, x(to) - left - 9, ink.muted);
	}
}

function drawChoices({ fill, width, steps, edge, most, ink, colours }, model, top, height) {
	fill(ink.track, 0, top, width, height);
	for (let place = 0; place < steps.count; place++) {
		const choice = steps.choice(place, model);
		if (choice < 0) continue;
		const [left, wide] = [edge(place), edge(place + 1) - edge(place)];
		fill(colours[choice], left, top, wide, height);
		// Who differs from most is cut in two.
		if (choice !== most[place]) fill(ink.panel, left, top + height / 2 - 1.5, wide, 3);
	}
}

function drawDivergence({ context, fill, width, steps, edge, ink }, top, height) {
	fill(ink.track, 0, top + height - 1, width, 1);
	context.beginPath();
	let before = false;
	for (let place = 0; place < steps.count; place++) {
		const known = steps.hops[place] > 0;
		const at = [edge(place + 0.5), top + (1 - steps.divergence[place]) * (height - 2) + 1];
		if (known && !before) context.moveTo(at[0] - 0.5, at[1]);
		if (known) context.lineTo(...at);
		before = known;
	}
	context.strokeStyle = ink.accent;
	context.lineWidth = 1.5;
	context.stroke();
}

function write({ context, fill }, text, x, y, room, colour, ground) {
	if (room < 14 || !text) return;
	let shown = text;
	const wide = context.measureText(text).width;
	if (wide > room) shown = `${text.slice(0, Math.floor((text.length * room) / wide) - 1)}…`;
	if (shown.length < 3 && shown !== text) return;
	if (ground) fill(ground, x - 2, y - 8, Math.min(room, wide) + 4, 16);
	context.fillStyle = colour;
	context.fillText(shown, x, y, room);
}

function patternOf(context, kind, ink) {
	const tile = document.createElement("canvas");
	tile.width = tile.height = 8;
	const brush = tile.getContext("2d");
	brush.fillStyle = ink.muted;
	for (let bit = 0; bit < 16; bit++) {
		if ((TILES[kind] >> (15 - bit)) & 1) brush.fillRect(2 * (bit % 4), 2 * (bit >> 2), 2, 2);
	}
	return context.createPattern(tile, "repeat");
}
