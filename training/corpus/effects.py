"""What studios, media and transmission do to a record; every function takes and gives mono sound at 22,050 Hz."""

import itertools
import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.signal import lfilter

from training.corpus.soundfont import RATE

Sound = npt.NDArray[np.float32]
Curve = npt.NDArray[np.float32]

_FRAME = 110
"""Samples of a level's frame, 5 ms."""


def filtered(sound: Sound, *curves_db: Curve) -> Sound:
    """The sound with the sum of the curves, in dB, as its frequency response; they are made by `frequencies(sound)`."""
    size = next_fast_len(len(sound) + RATE // 10, real=True)
    gain = np.power(np.float32(10), sum(curves_db, start=np.float32(0)) / np.float32(20))
    return np.asarray(irfft(rfft(sound, size) * gain, size)[: len(sound)], np.float32)


def frequencies(sound: Sound) -> Curve:
    """The frequencies in Hz at which curves for `filtered` give their gain."""
    return np.asarray(rfftfreq(next_fast_len(len(sound) + RATE // 10, real=True), 1 / RATE), np.float32)


def peak_db(hz: Curve, centre_hz: float, octaves: float, gain_db: float) -> Curve:
    """A bell around the centre."""
    distance = np.log2(np.maximum(hz, 1) / np.float32(centre_hz)) / np.float32(octaves)
    return np.asarray(gain_db * np.exp(-0.5 * distance**2), np.float32)


def shelf_db(hz: Curve, corner_hz: float, gain_db: float) -> Curve:
    """A high shelf; a low one is a high one that is turned around, and a gain."""
    return np.asarray(gain_db / (1 + (np.float32(corner_hz) / np.maximum(hz, 1)) ** 2), np.float32)


def tilt_db(hz: Curve, db_per_octave: float) -> Curve:
    """A slope through 0 dB at 800 Hz."""
    return np.asarray(db_per_octave * np.clip(np.log2(np.maximum(hz, 20) / 800), -5, 5), np.float32)


def low_pass_db(hz: Curve, corner_hz: float, order: int) -> Curve:
    """A Butterworth low-pass's magnitude."""
    return np.asarray(-10 * np.log10(1 + (hz / np.float32(corner_hz)) ** (2 * order)), np.float32)


def high_pass_db(hz: Curve, corner_hz: float, order: int) -> Curve:
    """A Butterworth high-pass's magnitude."""
    return np.asarray(-10 * np.log10(1 + (np.float32(corner_hz) / np.maximum(hz, 1)) ** (2 * order)), np.float32)


def level_of(sound: Sound) -> float:
    """RMS."""
    return float(np.sqrt(np.mean(np.square(sound)))) if len(sound) else 0.0


def compressed(sound: Sound, over_db: float, ratio: float, release_s: float) -> Sound:
    """Louder moments than `over_db` above the sound's own RMS are brought down by the ratio."""
    threshold = level_of(sound) * 10 ** (over_db / 20) + 1e-9
    levels = np.sqrt(np.maximum(_frames(sound**2).mean(axis=1), 1e-12))
    over = np.maximum(20 * np.log10(levels / threshold), 0) * (1 - 1 / ratio)
    return sound * _over_samples(10 ** (-_released(over, release_s) / 20), len(sound))


def multiband_compressed(sound: Sound, crossovers_hz: Sequence[float], over_db: float, ratio: float) -> Sound:
    """Each band between the crossovers compressed by itself, the lower the slower."""
    hz = frequencies(sound)
    size = next_fast_len(len(sound) + RATE // 10, real=True)
    spectrum = rfft(sound, size)
    above = [1 / (1 + (np.float32(crossover) / np.maximum(hz, 1)) ** 4) for crossover in sorted(crossovers_hz)]
    edges = [np.ones_like(hz), *(share.astype(np.float32) for share in above), np.zeros_like(hz)]
    out = np.zeros(len(sound), np.float32)
    for number, (lower, upper) in enumerate(itertools.pairwise(edges)):
        band = np.asarray(irfft(spectrum * (lower - upper), size)[: len(sound)], np.float32)
        out += compressed(band, over_db, ratio, release_s=0.25 / (1 + number))
    return out


def limited(sound: Sound, rms: float, ceiling: float = 0.98) -> Sound:
    """The sound brought near to the RMS, with the peaks held under the ceiling."""
    sound = sound * np.float32(rms / max(level_of(sound), 1e-6))
    peaks = np.abs(_frames(sound)).max(axis=1)
    gain = np.minimum(1, ceiling / np.maximum(maximum_filter1d(peaks, 9), 1e-6))
    smooth = _over_samples(uniform_filter1d(gain, 5), len(sound))
    return np.asarray(np.clip(sound * smooth, -ceiling, ceiling), np.float32)


def saturated(sound: Sound, drive: float, asymmetry: float) -> Sound:
    """Tape and valves: peaks are rounded, the more the higher the drive (1 hardly, 8 audibly); as loud as before."""
    scale = np.float32(drive / max(4 * level_of(sound), 1e-6))
    bent = np.tanh(sound * scale + np.float32(asymmetry)) - np.float32(math.tanh(asymmetry))
    return np.asarray(bent * (level_of(sound) / max(level_of(bent), 1e-9)), np.float32)


def clipped(sound: Sound, over_db: float) -> Sound:
    """Peaks cut so many dB below the highest one."""
    top = float(np.abs(sound).max(initial=0.0)) * 10 ** (-over_db / 20)
    return np.asarray(np.clip(sound, -top, top), np.float32)


def warped(sound: Sound, speed: float, wow: float, flutter: float, rng: np.random.Generator) -> Sound:
    """The sound at another speed that wavers: wow at about a turntable's pace, flutter faster; depths are of 1."""
    length = int((len(sound) - 4) / speed)
    coarse = np.arange(0, length + 2 * _FRAME, _FRAME) / RATE
    slow = wow * np.sin(2 * np.pi * (rng.uniform(0.4, 1.8) * coarse + rng.uniform()))
    fast = flutter * np.sin(2 * np.pi * (rng.uniform(5, 12) * coarse + rng.uniform()))
    drift = np.concatenate(([0], np.cumsum(speed * (1 + slow + fast))[:-1])) * _FRAME
    places = np.interp(np.arange(length), np.arange(len(coarse)) * _FRAME, drift)
    return _interpolated(sound, np.minimum(places, len(sound) - 3))


def hiss(length: int, rng: np.random.Generator) -> Sound:
    """Tape hiss, with more highs than lows; RMS 1."""
    noise = rng.standard_normal(length, dtype=np.float32)
    noise[1:] -= np.float32(rng.uniform(0, 0.6)) * noise[:-1]
    return noise / np.float32(max(level_of(noise), 1e-9))


def crackle(length: int, clicks_per_s: float, rng: np.random.Generator) -> Sound:
    """Vinyl: clicks of all sizes, and the rumble of the turntable; RMS 1."""
    out = np.zeros(length, np.float32)
    count = int(rng.poisson(clicks_per_s * length / RATE))
    places = rng.integers(0, max(1, length), count)
    np.add.at(out, places, (rng.pareto(2.0, count) * rng.choice((-1, 1), count)).clip(-12, 12).astype(np.float32))
    decay = float(rng.uniform(0.5, 0.85))
    out = np.asarray(lfilter([1.0, -0.7], [1.0, -decay], out), np.float32)
    rumble = np.asarray(lfilter([1.0], [1.0, -0.995], rng.standard_normal(length, dtype=np.float32)), np.float32)
    out = out / np.float32(max(level_of(out), 1e-9)) + rumble * np.float32(0.4 / max(level_of(rumble), 1e-9))
    return out / np.float32(max(level_of(out), 1e-9))


def hum(length: int, mains_hz: float, rng: np.random.Generator) -> Sound:
    """The mains and their overtones; RMS 1."""
    seconds = np.arange(length, dtype=np.float32) / RATE
    out = np.zeros(length, np.float32)
    for overtone, share in enumerate(rng.uniform(0.1, 1.0, 6), start=1):
        out += np.sin(2 * np.pi * np.float32(mains_hz * overtone) * seconds) * np.float32(share / overtone)
    return out / np.float32(max(level_of(out), 1e-9))


def crowd(length: int, rng: np.random.Generator) -> Sound:
    """A hall of people: murmur that swells, and applause that comes and goes; RMS 1."""
    claps = (rng.random(length) < rng.uniform(0.004, 0.03)).astype(np.float32)
    clap = rng.standard_normal(330, dtype=np.float32) * np.exp(-np.arange(330, dtype=np.float32) / 60)
    size = next_fast_len(length + len(clap), real=True)
    applause = np.asarray(irfft(rfft(claps, size) * rfft(clap, size), size)[:length], np.float32)
    murmur = rng.standard_normal(length, dtype=np.float32)
    hz = frequencies(murmur)
    murmur = filtered(murmur, low_pass_db(hz, 900, 1), high_pass_db(hz, 200, 2))
    out = murmur / np.float32(max(level_of(murmur), 1e-9)) * _swell(length, rng)
    out += applause / np.float32(max(level_of(applause), 1e-9)) * _swell(length, rng)
    return out / np.float32(max(level_of(out), 1e-9))


def _swell(length: int, rng: np.random.Generator) -> Sound:
    """Loudness that wanders between nothing and much, within seconds."""
    marks = max(2, length // (3 * RATE) + 2)
    heights = rng.uniform(0, 1, marks) ** 2 + 0.05
    return np.asarray(np.interp(np.linspace(0, marks - 1, length), np.arange(marks), heights), np.float32)


def _frames(sound: Sound) -> Sound:
    padded = np.pad(sound, (0, -len(sound) % _FRAME))
    return padded.reshape(-1, _FRAME)


def _released(over_db: npt.NDArray[np.floating], release_s: float) -> npt.NDArray[np.floating]:
    """Gain reduction that holds peaks for some frames and lets go over the release."""
    keep = math.exp(-_FRAME / RATE / max(release_s, 0.005))
    held = maximum_filter1d(over_db, 3)
    return np.asarray(lfilter([1 - keep], [1, -keep], held) * 0.5 + uniform_filter1d(held, 3) * 0.5)


def _over_samples(frames: npt.NDArray[np.floating], length: int) -> Sound:
    """A frame's value at its middle, and a line between."""
    middles = (np.arange(len(frames)) + 0.5) * _FRAME
    return np.asarray(np.interp(np.arange(length), middles, frames), np.float32)


def _interpolated(sound: Sound, places: npt.NDArray[np.floating]) -> Sound:
    """The sound between its samples (Catmull and Rom's cubic), at places from 1 to its length less 3."""
    places = np.maximum(places, 1)
    whole = places.astype(np.int32)
    rest = (places - whole).astype(np.float32)
    before, here, after, beyond = (sound[whole + offset] for offset in (-1, 0, 1, 2))
    cubic = (beyond - before + 3 * (here - after)) / 2
    square = before - 2.5 * here + 2 * after - beyond / 2
    return np.asarray(((cubic * rest + square) * rest + (after - before) / 2) * rest + here, np.float32)
