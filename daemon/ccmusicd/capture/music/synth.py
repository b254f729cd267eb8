"""Oscillators, envelopes, filters and reverb: the parts that instruments and drums are made of.

Every sound is mono float32 [shape=(n,)] at 22,050 Hz, around [-1, 1]. No recursion sample by sample: filters work on
spectra, so that a bar costs milliseconds.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 22_050

_TABLE = 4096

Sound = NDArray[np.float32]
Curve = NDArray[np.float64]


def samples(seconds: float) -> int:
    """How many samples last that long."""
    return round(seconds * SAMPLE_RATE)


def hz(pitch: float) -> float:
    """The frequency of a MIDI pitch: 69 is the A of 440 Hz, 12 to an octave."""
    return float(440.0 * 2.0 ** ((pitch - 69.0) / 12.0))


def time_axis(length: int) -> Sound:
    """Seconds since the sound's beginning, sample by sample."""
    return np.arange(length, dtype=np.float32) / np.float32(SAMPLE_RATE)


def cycles(frequency_hz: float | Curve, length: int, start: float = 0.0) -> Curve:
    """The phase in cycles, folded to [0, 1), of an oscillator whose frequency is constant or a curve."""
    if isinstance(frequency_hz, float):
        phase = start + np.arange(length) * (frequency_hz / SAMPLE_RATE)
    else:
        phase = start + np.cumsum(frequency_hz[:length]) / SAMPLE_RATE
    return np.asarray(phase - np.floor(phase))


def sine(phase: Curve) -> Sound:
    """A sine at a phase in cycles."""
    return np.asarray(np.sin(phase.astype(np.float32) * np.float32(2.0 * np.pi)), dtype=np.float32)


@lru_cache(maxsize=512)
def table(partials: tuple[float, ...]) -> Sound:
    """One cycle of a periodic wave [shape=(4096,)] of partials of these strengths, the fundamental first; peak 1."""
    spectrum = np.zeros(_TABLE // 2 + 1, dtype=np.complex128)
    spectrum[1 : len(partials) + 1] = -1j * np.asarray(partials)
    cycle = np.fft.irfft(spectrum, _TABLE)
    return np.asarray(cycle / np.abs(cycle).max(), dtype=np.float32)


def partials_below(frequency_hz: float, limit_hz: float = 9800.0) -> int:
    """How many partials of a tone a table should have, 1 to 300; in coarse steps, so that tables are reused."""
    count = max(1.0, limit_hz / frequency_hz)
    return int(min(300.0, 2.0 ** (np.floor(np.log2(count) * 4.0) / 4.0)))


def saw_table(frequency_hz: float) -> Sound:
    """A sawtooth without aliases."""
    return table(tuple(1.0 / k for k in range(1, partials_below(frequency_hz) + 1)))


def pulse_table(frequency_hz: float, width: float = 0.5) -> Sound:
    """A pulse wave without aliases; a width of 0.5 is a square."""
    count = partials_below(frequency_hz)
    return table(tuple(float(np.sin(np.pi * k * width)) / k for k in range(1, count + 1)))


def wave(cycle: Sound, frequency_hz: float | Curve, length: int, start: float = 0.0) -> Sound:
    """A table read over and over at a constant frequency or along a curve; `start` is the phase in cycles."""
    if isinstance(frequency_hz, float):
        # a phase in fractions of 2**32 folds by itself
        step, first = (np.uint32(int(turn * 2.0**32) % 2**32) for turn in (frequency_hz / SAMPLE_RATE, start % 1.0))
        place = np.arange(length, dtype=np.uint32)
        place *= step
        place += first
        return np.asarray(cycle[place >> np.uint32(32 - 12)])
    return np.asarray(cycle[(cycles(frequency_hz, length, start) * _TABLE).astype(np.int32) % _TABLE])


def noise(rng: np.random.Generator, length: int) -> Sound:
    """White noise of RMS 1/3."""
    return rng.standard_normal(length, dtype=np.float32) / np.float32(3.0)


def decay(length: int, time_constant_s: float) -> Sound:
    """An envelope that falls to 1/e in each time constant; the last 5 ms go to zero: no sound ends in a click."""
    envelope = np.exp(time_axis(length) / np.float32(-time_constant_s))
    return ramped(envelope, 0.0, 0.005)


def ramped(sound: Sound, attack_s: float, release_s: float) -> Sound:
    """The sound with a raised-cosine attack and release."""
    out = sound.copy()
    attack, release = (min(samples(s), len(out)) for s in (attack_s, release_s))
    if attack:
        out[:attack] *= _half_cosine(attack)
    if release:
        out[-release:] *= _half_cosine(release)[::-1]
    return out


def lowpass(sound: Sound, cutoff_hz: float, *, order: int = 2, resonance: float = 0.0) -> Sound:
    """Butterworth magnitude without phase shift; `resonance` lifts the cutoff by that factor plus 1."""

    def response(frequency: Sound) -> Sound:
        slope = 1.0 / np.sqrt(1.0 + (frequency / cutoff_hz) ** (2 * order))
        octaves = np.log2(np.maximum(frequency, 1.0) / cutoff_hz)
        return np.asarray(slope * (1.0 + resonance * np.exp(-((octaves / 0.3) ** 2))), dtype=np.float32)

    frequency, spectrum, length = _spectrum(sound)
    return np.fft.irfft(spectrum * response(frequency), length)[: len(sound)].astype(np.float32)


def bandpass(sound: Sound, low_hz: float, high_hz: float, *, order: int = 2) -> Sound:
    """Butterworth magnitude without phase shift from `low_hz` to `high_hz`."""
    frequency, spectrum, length = _spectrum(sound)
    with np.errstate(divide="ignore"):
        rise = 1.0 / np.sqrt(1.0 + (low_hz / frequency) ** (2 * order))
    fall = 1.0 / np.sqrt(1.0 + (frequency / high_hz) ** (2 * order))
    return np.fft.irfft(spectrum * (rise * fall), length)[: len(sound)].astype(np.float32)


def swept(sound: Sound, response: Callable[[Sound, Sound], Sound], window: int = 1024) -> Sound:
    """A filter that moves: `response` gives magnitudes [shape=(t, f)] of hertz [shape=(f,)] and seconds [shape=(t, 1)].

    Overlapping windows of so many samples are filtered one by one, so changes are smeared over half a window.
    """
    hop = window // 2
    count = -(-len(sound) // hop) + 1
    padded = np.zeros((count + 1) * hop, dtype=np.float32)
    padded[hop : hop + len(sound)] = sound
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[::hop]
    hann = np.asarray(0.5 - 0.5 * np.cos(2.0 * np.pi * np.arange(window) / window), dtype=np.float32)
    spectrum = np.fft.rfft(frames * hann, 2 * window, axis=1)
    frequency = np.fft.rfftfreq(2 * window, 1.0 / SAMPLE_RATE).astype(np.float32)
    at = (np.arange(count, dtype=np.float32) * np.float32(hop / SAMPLE_RATE))[:, None]
    filtered = np.fft.irfft(spectrum * response(frequency, at), 2 * window, axis=1)
    quarters = np.roll(filtered, hop, axis=1).reshape(count, 4, hop)  # a filter without phase rings both ways
    line = np.zeros((count + 3, hop), dtype=np.float32)
    for quarter in range(4):
        line[quarter : quarter + count] += quarters[:, quarter]
    return line.ravel()[2 * hop : 2 * hop + len(sound)]


def resonant_lowpass(frequency: Sound, cutoff_hz: Sound, resonance: float, order: int = 2) -> Sound:
    """Magnitudes for `swept`: a low pass whose cutoff [shape=(t, 1)] is lifted by the resonance plus 1."""
    ratio = frequency / cutoff_hz
    slope = 1.0 / np.sqrt(1.0 + ratio ** (2 * order))
    peak = np.float32(resonance) / (1.0 + ((ratio - 1.0) * np.float32(7.0)) ** 2)
    return np.asarray(slope * (1.0 + peak), dtype=np.float32)


def resonances(frequency: Sound, peaks: Sequence[tuple[float | Sound, float, float]], floor: float = 0.02) -> Sound:
    """Magnitudes of resonances (centre in hertz, a number or [shape=(t, 1)]; width in hertz; height) over a floor."""
    total = np.full(1, floor, dtype=np.float32)
    for centre, width, height in peaks:
        total = total + np.float32(height) / (1.0 + ((frequency - centre) / np.float32(width)) ** 2)
    return np.asarray(total, dtype=np.float32)


def normalised(sound: Sound) -> Sound:
    """The sound with a peak of 1."""
    return np.asarray(sound / max(float(np.abs(sound).max(initial=0.0)), 1e-9), dtype=np.float32)


def saturated(sound: Sound, drive: float) -> Sound:
    """Bent towards ±1, the more the higher the drive."""
    return np.asarray(np.tanh(sound * np.float32(drive)), dtype=np.float32)


def plucked(
    rng: np.random.Generator, frequency_hz: float, length: int, *, sustain: float, brightness_hz: float
) -> Sound:
    """A plucked string (Karplus and Strong): noise of one period that goes round and is smoothed each time.

    `sustain`: what is left of it after each period, a little below 1. The string is computed a period at a time, at
    the nearest whole period, and then read at the wanted pitch.
    """
    period = round(SAMPLE_RATE / frequency_hz - 0.5)
    ratio = frequency_hz * (period + 0.5) / SAMPLE_RATE
    needed = int(length * ratio) + 2
    string = np.zeros((needed // period + 2, period), dtype=np.float32)
    burst = lowpass(noise(rng, period * 4), brightness_hz)[:period]
    string[0] = burst - burst.mean()
    for turn in range(1, len(string)):
        before = string[turn - 1]
        string[turn, 1:] = before[1:] + before[:-1]
        string[turn, 0] = before[0] + (string[turn - 2, -1] if turn > 1 else 0.0)
        string[turn] *= np.float32(0.5 * sustain)
    read = np.interp(np.arange(length) * ratio, np.arange(needed), string.ravel()[:needed]).astype(np.float32)
    return np.asarray(read / max(float(np.abs(read).max()), 1e-9), dtype=np.float32)


@lru_cache(maxsize=8)
def room(decay_s: float) -> Sound:
    """The impulse response of a room whose sound falls by 60 dB in `decay_s`: darkening noise of unit energy."""
    rng = np.random.default_rng(round(decay_s * 1000))
    length = samples(decay_s)
    t = time_axis(length)
    bright = noise(rng, length) * np.exp(t * np.float32(-13.8 / decay_s))
    dark = lowpass(noise(rng, length), 1800.0) * np.exp(t * np.float32(-6.9 / decay_s))
    response = np.concatenate([np.zeros(samples(0.015), dtype=np.float32), ramped(bright + dark, 0.004, 0.02)])
    return np.asarray(response / np.sqrt((response**2).sum()), dtype=np.float32)


def convolved(sound: Sound, response: Sound) -> Sound:
    """Both convolved, of length n + m - 1."""
    total = len(sound) + len(response) - 1
    length = _power_of_two(total)
    return np.fft.irfft(np.fft.rfft(sound, length) * np.fft.rfft(response, length), length)[:total].astype(np.float32)


def _half_cosine(length: int) -> Sound:
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.arange(length) / length), dtype=np.float32)


def _spectrum(sound: Sound) -> tuple[Sound, NDArray[np.complex64], int]:
    """Frequencies in hertz, spectrum and transform length, padded so that a filter's ringing does not come round."""
    length = _power_of_two(len(sound) + 256)
    spectrum = np.fft.rfft(sound, length).astype(np.complex64)
    return np.fft.rfftfreq(length, 1.0 / SAMPLE_RATE).astype(np.float32), spectrum, length


def _power_of_two(at_least: int) -> int:
    return 1 << (at_least - 1).bit_length()
