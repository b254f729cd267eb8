// What a spectrogram's bins stand for: notes or hertz.

import { hertz as readHertz } from "./format.js";

const NOTES = ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
const MEL_TICKS_HZ = [250, 500, 1000, 2000, 4000, 8000];

export function noteName(hz) {
	const midi = Math.round(69 + 12 * Math.log2(hz / 440));
	return `${NOTES[((midi % 12) + 12) % 12]}${Math.floor(midi / 12) - 1}`;
}

export const melOfHertz = (hz) => 2595 * Math.log10(1 + hz / 700);
export const hertzOfMel = (mel) => 700 * (10 ** (mel / 2595) - 1);

// {bins, hertz(bin), name(bin), ticks: [{text, at (0 bottom, 1 top)}]}.
export function axisOf(kind, spectrogram) {
	return kind === "cqt" ? noteAxis(spectrogram.cqt) : melAxis(spectrogram.mel);
}

function noteAxis({ bins, fmin_hz: lowest, bins_per_octave: perOctave }) {
	const hertz = (bin) => lowest * 2 ** (bin / perOctave);
	const ticks = [];
	for (let bin = 0; bin < bins; bin += perOctave) ticks.push({ text: noteName(hertz(bin)), at: (bin + 0.5) / bins });
	return { bins, hertz, ticks, name: (bin) => `${noteName(hertz(bin))} · ${readHertz(hertz(bin))}` };
}

function melAxis({ bins, fmin_hz: lowest, fmax_hz: highest }) {
	const [low, high] = [melOfHertz(lowest), melOfHertz(highest)];
	// Band b peaks at the (b + 1)th of bins + 2 points, evenly spaced in mel.
	const hertz = (bin) => hertzOfMel(low + ((bin + 1) / (bins + 1)) * (high - low));
	const height = (hz) => (((melOfHertz(hz) - low) / (high - low)) * (bins + 1) - 0.5) / bins;
	const ticks = MEL_TICKS_HZ.map((hz) => ({ text: hz < 1000 ? `${hz}` : `${hz / 1000}k`, at: height(hz) }));
	return { bins, hertz, ticks: ticks.filter(({ at }) => at > 0 && at < 1), name: (bin) => readHertz(hertz(bin)) };
}
