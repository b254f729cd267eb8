// Draws the past: genres stacked, what was on air with its titles, each network's choice, the divergence.

import { genreColour } from "./palette.js";

const RIBBON = 12;
const BAND = 22;
const TITLE = 17;
const LINE = 30;
const SPACE = 8;
// 4 × 4 points for what has no genre: form, and never colour alone.
const TILES = { speech: 0x8020, silence: 0x00f0, no_signal: 0x8421, down: 0x9669, paused: 0x8888, uncertain: 0xa050 };

/** {stack, band, titles, ribbon: [one a model], line}, each [top, height] in a picture of `height`. */
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

/** Draw PastSteps and PastStretches; `nameOf(segment)` in words. */
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
	const painter = { context, width, steps, stretches, x, ink, nameOf };
	painter.colours = steps.labels.map((slug) => genreColour(labels, slug));
	painter.colourOf = (slug) => genreColour(labels, slug);
	const rows = rowsOf(height, steps.models.length);
	drawStack(painter, ...rows.stack);
	drawBand(painter, ...rows.band);
	drawTitles(painter, ...rows.titles);
	rows.ribbon.forEach((row, i) => drawChoices(painter, i, ...row));
	drawDivergence(painter, ...rows.line);
}

function drawStack({ context, width, steps, x, ink, colours }, top, height) {
	context.fillStyle = ink.track;
	context.fillRect(0, top, width, height);
	for (let place = 0; place < steps.count; place++) {
		if (steps.hops[place] === 0) continue;
		const left = x(steps.first + place * steps.stepMs);
		const wide = x(steps.first + (place + 1) * steps.stepMs) - left;
		let from = top + height;
		for (let i = 0; i < colours.length; i++) {
			const share = steps.share(place, i) * height;
			context.fillStyle = colours[i];
			context.fillRect(left, from - share, wide, share + 0.5);
			from -= share;
		}
	}
}

function drawBand({ context, width, stretches, x, ink, colourOf, nameOf }, top, height) {
	context.fillStyle = ink.track;
	context.fillRect(0, top, width, height);
	for (const segment of stretches.segments) {
		const [left, right] = [x(segment.start), x(segment.end)];
		if (right <= left) continue;
		const genre = segment.kind === "music" && segment.genre;
		context.fillStyle = genre ? colourOf(genre) : patternOf(context, segment.kind, ink);
		context.fillRect(left, top, right - left, height);
		if (genre && segment.blend) drawBlend(context, x, segment, colourOf, top, height);
		context.fillStyle = ink.panel;
		context.fillRect(left, top, right - left > 2 ? 1 : 0, height);
		write(context, nameOf(segment), left + 6, top + height / 2, right - left - 10, genre ? "#16151a" : ink.text, !genre && ink.track);
	}
}

/** Two genres heard together: what was before gives way along a slope. */
function drawBlend(context, x, { blend, genre }, colourOf, top, height) {
	const left = x(Date.parse(blend.start));
	const right = Math.max(left + 4, x(Date.parse(blend.end)));
	context.fillStyle = colourOf(genre);
	context.fillRect(left, top, right - left, height);
	context.fillStyle = colourOf(blend.before);
	context.beginPath();
	context.moveTo(left, top);
	context.lineTo(right, top);
	context.lineTo(left, top + height);
	context.fill();
}

function drawTitles({ context, steps, stretches, x, ink }, top, height) {
	for (const { title, from, to } of stretches.named()) {
		if (to <= steps.first || from >= steps.end) continue;
		const left = x(from);
		context.fillStyle = ink.muted;
		if (from > steps.first) context.fillRect(left, top + 3, 1, height - 3);
		write(context, title, left + 5, top + height / 2 + 2, x(to) - left - 9, ink.muted);
	}
}

function drawChoices({ context, width, steps, x, ink, colours }, model, top, height) {
	context.fillStyle = ink.track;
	context.fillRect(0, top, width, height);
	let begin = 0;
	const look = (place) => {
		const choice = place < steps.count ? steps.choice(place, model) : -2;
		return choice < 0 ? choice : 2 * choice + Number(choice !== steps.verdict(place).choice);
	};
	let present = look(0);
	for (let place = 1; place <= steps.count; place++) {
		const next = look(place);
		if (next === present) continue;
		if (present >= 0) {
			const [left, right] = [x(steps.first + begin * steps.stepMs), x(steps.first + place * steps.stepMs)];
			context.fillStyle = colours[present >> 1];
			context.fillRect(left, top, right - left, height);
			context.fillStyle = ink.panel; // Who differs from most is cut in two.
			if (present & 1) context.fillRect(left, top + height / 2 - 1.5, right - left, 3);
		}
		[begin, present] = [place, next];
	}
}

function drawDivergence({ context, width, steps, x, ink }, top, height) {
	context.fillStyle = ink.track;
	context.fillRect(0, top + height - 1, width, 1);
	context.beginPath();
	let before = false;
	for (let place = 0; place < steps.count; place++) {
		const known = steps.hops[place] > 0;
		const at = [x(steps.first + (place + 0.5) * steps.stepMs), top + (1 - steps.divergence[place]) * (height - 2) + 1];
		if (known && !before) context.moveTo(at[0] - 0.5, at[1]);
		if (known) context.lineTo(...at);
		before = known;
	}
	context.strokeStyle = ink.accent;
	context.lineWidth = 1.5;
	context.stroke();
}

/** Text that fits into `room`, or nothing; on a ground of its own where it would stand on a pattern. */
function write(context, text, x, y, room, colour, ground) {
	if (room < 14 || !text) return;
	let shown = text;
	const wide = context.measureText(text).width;
	if (wide > room) shown = `${text.slice(0, Math.floor((text.length * room) / wide) - 1)}…`;
	if (shown.length < 3 && shown !== text) return;
	if (ground) {
		context.fillStyle = ground;
		context.fillRect(x - 2, y - 8, Math.min(room, wide) + 4, 16);
	}
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
