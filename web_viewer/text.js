// Every word in both languages.

import { CLIP_WORDS } from "./clipwords.js";
import { PAST_WORDS } from "./pastwords.js";
import { recall, remember } from "./remembered.js";

const LANGUAGES = ["en", "zh"];

const WORDS = {
	stations: ["Stations", "电台"],
	now: ["On air now", "正在播放"],
	sound: ["Spectrogram", "频谱图"],
	rolling: ["Genres, rolling average", "流派 · 滚动平均"],
	models: ["What each network hears", "各网络的判断"],
	health: ["Health", "运行状况"],
	retry: ["Retry now", "立即重试"],
	otherLanguage: ["中文", "English"],
	otherLanguageHelp: ["切换到中文", "Switch to English"],

	connecting: ["Connecting…", "连接中…"],
	live: ["Live", "实时"],
	reconnecting: ["Reconnecting in {s} s", "{s} 秒后重新连接"],
	locked: ["Token needed", "需要令牌"],
	token: ["Token", "令牌"],
	tokenNeeded: ["This daemon shows its stations only to those who have its token.", "此守护进程只向持有令牌者显示其电台。"],
	tokenWrong: ["That is not the daemon's token.", "该令牌不正确。"],
	enter: ["Enter", "进入"],
	wrongVersion: ["The daemon speaks version {version} of the protocol: reload the page.", "守护进程使用协议版本 {version}：请刷新页面。"],
	serverError: ["The daemon answers: {message}", "守护进程返回：{message}"],

	source_connecting: ["Source connecting", "信号源连接中"],
	source_running: ["Source running", "信号源正常"],
	source_backoff: ["Source down, retrying", "信号源中断，重试中"],
	source_ended: ["Source ended", "信号源已结束"],
	source_paused: ["Source paused", "信号源已暂停"],
	sourceError: ["Source: {error}", "信号源：{error}"],

	state_offline: ["No connection", "连接中断"],
	state_starting: ["Starting", "启动中"],
	state_restarting: ["Analyzer restarting", "分析器重启中"],
	state_listening: ["Listening", "聆听中"],
	state_speech: ["Speech", "语音"],
	state_uncertain: ["Uncertain", "不确定"],
	state_silence: ["Silence", "静音"],
	state_no_signal: ["No signal", "无信号"],
	state_paused: ["Paused", "已暂停"],
	state_music: ["Music", "音乐"],
	state_down: ["Daemon down", "守护进程停止"],
	why_offline: ["The daemon cannot be reached. Nothing is known about what is on air.", "无法连接守护进程，当前播出内容未知。"],
	why_locked: ["Nothing is told without the daemon's token.", "没有守护进程的令牌，无法显示任何内容。"],
	why_starting: ["Waiting for the first ten seconds of sound and for the networks.", "正在等待最初十秒的声音和网络就绪。"],
	why_restarting: ["The networks are being started again; sound goes on.", "网络正在重新启动，声音采集继续。"],
	why_listening: ["No genre has settled yet.", "尚未形成稳定的流派。"],
	why_uncertain: ["There is sound, but no genre stands out.", "有声音，但没有突出的流派。"],
	why_silence: ["The source runs, but it is silent.", "信号源正常，但没有声音。"],
	why_no_signal: ["No sound arrives from the source.", "信号源没有送来声音。"],
	why_paused: ["Listening is switched off for this station.", "该电台的监听已关闭。"],
	lastHeard: ["Last heard: {what}, {time}", "上次识别：{what}，{time}"],
	since: ["since {time} · {duration}", "自 {time} 起 · {duration}"],
	randomCaveat: ["Random weights: not a real answer", "随机权重：并非真实结果"],

	probability: ["Probability", "概率"],
	confidence: ["Confidence", "置信度"],
	band_reliable: ["Reliable", "可靠"],
	band_check: ["Worth a check", "建议核对"],
	band_unsure: ["Unsure", "不可靠"],
	agreement: ["Agreement", "一致性"],
	agreeing: ["{n} of {all}", "{n} / {all}"],
	divergence: ["Divergence", "分歧度"],
	contenders: ["The vote is split: {names}", "意见分歧：{names}"],
	or: [" or ", " 或 "],
	title: ["Title", "曲目"],

	spectrogramKind: ["Kind of spectrogram", "频谱图类型"],
	spectrogramHelp: [
		"Live spectrogram. Point at it, or use the arrow keys, to read decibels, frequency and time.",
		"实时频谱图。指向它或使用方向键，可读取分贝、频率和时间。",
	],
	window: ["{s} s window of the networks", "网络所见的 {s} 秒窗口"],
	waitingForColumns: ["Waiting for the spectrogram…", "等待频谱…"],
	nowTick: ["now", "现在"],
	gap: ["gap: no sound was received", "缺失：没有收到声音"],
	level: ["Level", "电平"],
	clip: ["Clip", "削波"],
	peak: ["peak", "峰值"],

	dissents: ["differs", "不同意见"],
	dissentsHelp: ["Its first choice is not the ensemble's", "其首选与集成结果不同"],
	noVote: ["No vote", "无判断"],

	hopTime: ["Hop takes", "每跳用时"],
	hopEvery: ["every", "间隔"],
	lag: ["Lag", "延迟"],
	dropped: ["Dropped hops", "丢弃的跳"],
	gaps: ["Lost sound", "丢失的声音"],
	restarts: ["Restarts", "重启次数"],
	restartsValue: ["source {source} · analyzer {analyzer}", "信号源 {source} · 分析器 {analyzer}"],
	device: ["Device", "设备"],
	bundle: ["Bundle", "模型包"],
	unknown: ["unknown", "未知"],
	input: ["Input", "输入"],

	...CLIP_WORDS,
	...PAST_WORDS,
};

const preferred = (navigator.language || "en").startsWith("zh") ? "zh" : "en";
const asked = new URLSearchParams(location.search).get("lang");
let language = LANGUAGES.includes(asked) ? asked : recall("language", LANGUAGES, preferred);

export function currentLanguage() {
	return language;
}

export function switchLanguage() {
	language = language === "en" ? "zh" : "en";
	remember("language", language);
}

export function say(key, values = {}) {
	const text = WORDS[key][LANGUAGES.indexOf(language)];
	return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name]));
}

export function canSay(key) {
	return Object.hasOwn(WORDS, key);
}

export function genreName(labels, slug) {
	const label = labels.find((candidate) => candidate.slug === slug);
	return label ? label[language] : slug;
}

export function genreNameAlso(labels, slug) {
	const label = labels.find((candidate) => candidate.slug === slug);
	const other = label ? label[language === "en" ? "zh" : "en"] : "";
	return other === genreName(labels, slug) ? "" : other;
}

export function sayPage(root) {
	root.documentElement.lang = language === "zh" ? "zh-CN" : "en";
	for (const node of root.querySelectorAll("[data-say]")) node.textContent = say(node.dataset.say);
	for (const node of root.querySelectorAll("[data-say-label]")) node.setAttribute("aria-label", say(node.dataset.sayLabel));
}
