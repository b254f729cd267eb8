// Numbers and times as people read them.

import { currentLanguage } from "./text.js";

export function percent(probability) {
	return `${Math.round(probability * 100)} %`;
}

export function decibels(db) {
	return `${db.toFixed(1).replace("-", "−")} dB`;
}

export function hertz(hz) {
	if (hz >= 1000) return `${(hz / 1000).toFixed(hz >= 9950 ? 1 : 2)} kHz`;
	return `${hz.toFixed(hz < 100 ? 1 : 0)} Hz`;
}

export function clock(ms, { seconds = false, tenths = false } = {}) {
	const moment = new Date(ms);
	const two = (value) => String(value).padStart(2, "0");
	let text = `${two(moment.getHours())}:${two(moment.getMinutes())}`;
	if (seconds || tenths) text += `:${two(moment.getSeconds())}`;
	if (tenths) text += `.${Math.floor(moment.getMilliseconds() / 100)}`;
	return text;
}

export function duration(seconds) {
	const s = Math.max(0, Math.floor(seconds));
	const units = currentLanguage() === "zh" ? [" 天", " 小时", " 分", " 秒"] : [" d", " h", " min", " s"];
	const parts = [Math.floor(s / 86400), Math.floor(s / 3600) % 24, Math.floor(s / 60) % 60, s % 60];
	const first = parts.findIndex((part) => part > 0);
	if (first === -1) return `0${units[3]}`;
	const second = first + 1 < 4 && parts[first + 1] > 0 ? ` ${parts[first + 1]}${units[first + 1]}` : "";
	return `${parts[first]}${units[first]}${second}`;
}
