"""Strings that are plucked: guitars through their amplifiers, basses, harps, lutes and zithers of the world."""

import numpy as np

from ccmusicd.capture.music.playing import Effect, Instrument, Maker, Makers, Stroke
from ccmusicd.capture.music.synth import (
    SAMPLE_RATE,
    Sound,
    cycles,
    decay,
    hz,
    lowpass,
    noise,
    normalised,
    plucked,
    ramped,
    resonances,
    samples,
    saw_table,
    sine,
    swept,
    wave,
)

_TAPS = 255


class Line:
    """A short linear filter that goes on from block to block; it delays by half its length."""

    def __init__(self, response: Sound) -> None:
        self._response = response
        self._tail = np.zeros(len(response) - 1, dtype=np.float32)

    def __call__(self, sound: Sound) -> Sound:
        """The next block, filtered."""
        total = len(sound) + len(self._tail)
        size = 1 << (total - 1).bit_length()
        spectrum = np.fft.rfft(sound, size) * np.fft.rfft(self._response, size)
        out = np.fft.irfft(spectrum, size)[:total].astype(np.float32)
        out[: len(self._tail)] += self._tail
        self._tail = out[len(sound) :].copy()
        return out[: len(sound)]


def impulse(magnitude: Sound) -> Sound:
    """A filter of 255 taps with about these magnitudes [shape=(129,)], from 0 Hz to half the sampling rate."""
    taps = np.roll(np.fft.irfft(magnitude, 256), 127)[:_TAPS]
    return np.asarray(taps * np.hanning(_TAPS + 2)[1:-1], dtype=np.float32)


def amplifier(rng: np.random.Generator, drive: float) -> Effect:
    """One non-linear amplifier for all strings together, at twice the sampling rate, and its loudspeaker."""
    frequency = np.linspace(0.0, SAMPLE_RATE, 129, dtype=np.float32)  # half of the doubled rate
    low, high = rng.uniform(70.0, 140.0), rng.uniform(3000.0, 5200.0)
    presence, mid = rng.uniform(0.3, 1.5), rng.uniform(-0.5, 0.6)
    between = Line(impulse(np.asarray(2.0 / np.sqrt(1.0 + (frequency / 9500.0) ** 24), dtype=np.float32)))
    bump = presence * np.exp(-(((frequency - 2400.0) / 900.0) ** 2))
    scoop = mid * np.exp(-(((frequency - 600.0) / 350.0) ** 2))
    shape = (1.0 + bump + scoop) / np.sqrt(1.0 + (frequency / high) ** 10) * frequency / np.hypot(frequency, low)
    taps = impulse(np.asarray(shape, dtype=np.float32))
    cabinet = Line(taps - taps.mean())  # a loudspeaker plays no direct current
    bias = rng.uniform(0.0, 0.25)

    def effect(sound: Sound) -> Sound:
        doubled = np.zeros(2 * len(sound), dtype=np.float32)
        doubled[::2] = sound
        bent = np.tanh(between(doubled) * np.float32(drive) + np.float32(bias)) - np.float32(np.tanh(bias))
        return cabinet(bent)[::2]

    return effect


def _electric(rng: np.random.Generator, drive: float, *, lead: float) -> Instrument:
    """Strings for an amplifier: plucked, with a share of an endless sawtooth that stands for feedback."""
    bright, mute_hz = rng.uniform(2500.0, 6000.0), rng.uniform(900.0, 1800.0)
    depth, rate = rng.uniform(0.002, 0.009), rng.uniform(4.8, 6.4)
    mute_s = rng.uniform(0.05, 0.12)
    scrape = rng.uniform(0.0, 0.25)

    def timbre(stroke: Stroke) -> Sound:
        muted = stroke.articulation == "muted"
        length = samples(min(stroke.length_s, 3.0 * mute_s) if muted else stroke.length_s + 0.04)
        f = hz(stroke.pitch * 1.0 + (12.0 if stroke.articulation == "harmonic" else 0.0))
        string_rng = np.random.default_rng(round(stroke.pitch * 100.0))
        t = np.arange(length) / SAMPLE_RATE
        swing = 1.0 + depth * np.clip((t - 0.25) / 0.3, 0.0, 1.0) * np.sin(2.0 * np.pi * rate * t)
        came = 0.0 if stroke.before is None else stroke.before - stroke.pitch
        curve = f * 2.0 ** (came * np.exp(-t / 0.05) / 12.0) * (swing if stroke.pitch > 62.0 else 1.0)
        singing = wave(saw_table(f), curve, length)
        if muted:
            out = lowpass(singing, mute_hz) * decay(length, mute_s)
        else:
            string = plucked(string_rng, f, length, sustain=0.9985, brightness_hz=bright)
            out = (1.0 - lead) * string + lead * lowpass(singing, bright) * np.exp(-t / 2.5).astype(np.float32)
        pick = min(length, samples(0.02))
        out[:pick] += np.float32(scrape) * noise(string_rng, pick) * decay(pick, 0.006)
        return ramped(np.asarray(out, dtype=np.float32), 0.002, 0.03)

    return Instrument(timbre, effect=amplifier(rng, drive))


def distorted_guitar(rng: np.random.Generator) -> Instrument:
    """High gain."""
    return _electric(rng, float(rng.uniform(6.0, 30.0)), lead=float(rng.uniform(0.4, 0.8)))


def overdriven_guitar(rng: np.random.Generator) -> Instrument:
    """A valve amplifier on the edge."""
    return _electric(rng, float(rng.uniform(1.5, 5.0)), lead=float(rng.uniform(0.2, 0.6)))


def _plucked(
    sustain: float,
    brightness_hz: tuple[float, float],
    body: tuple[tuple[float, float, float], ...],
    ring_s: float,
    *,
    buzz: float = 0.0,
    octave: float = 0.0,
) -> Maker:
    """A plucked string on a body of resonances; `buzz` of a flat bridge, `octave` of a second string an octave up."""

    def maker(rng: np.random.Generator) -> Instrument:
        bright, size, floor = rng.uniform(*brightness_hz), rng.uniform(0.9, 1.1), rng.uniform(0.4, 0.8)
        peaks = tuple((centre * size, width, height) for centre, width, height in body)

        def timbre(stroke: Stroke) -> Sound:
            string_rng = np.random.default_rng(round(stroke.pitch * 100.0))
            muted = stroke.articulation in {"muted", "staccato"}
            length = samples(min(ring_s, 0.3) if muted else ring_s * 2.0 ** ((60.0 - stroke.pitch) / 36.0))
            f = hz(stroke.pitch + (12.0 if stroke.articulation == "harmonic" else 0.0))
            reach = bright * (0.35 + stroke.loudness) * (0.5 if muted else 1.0)
            held = 0.965 if muted else sustain
            sound = plucked(string_rng, f, length, sustain=held, brightness_hz=reach)
            if octave:
                sound += octave * plucked(string_rng, 2.003 * f, length, sustain=sustain, brightness_hz=reach)
            if buzz:
                late = 1.0 - np.exp(-np.arange(length) / (0.08 * SAMPLE_RATE))
                sound += np.asarray(buzz * late * np.tanh(8.0 * sound) * np.abs(sound) ** 0.3, dtype=np.float32)
            shaped = swept(sound, lambda frequency, at: resonances(frequency, peaks, floor) + 0.0 * at)
            return ramped(normalised(shaped), 0.001, 0.15)

        return Instrument(timbre, ends="damped")

    return maker


def _bass(brightness_hz: tuple[float, float], round_tone: float, ring_s: float, slap: float = 0.0) -> Maker:
    """A thick string: `round_tone` of a sine in it; `slap` of the string on the frets."""

    def maker(rng: np.random.Generator) -> Instrument:
        bright, thud = rng.uniform(*brightness_hz), rng.uniform(0.1, 0.5)

        def timbre(stroke: Stroke) -> Sound:
            string_rng = np.random.default_rng(round(stroke.pitch * 100.0))
            length = samples(ring_s if stroke.articulation != "muted" else 0.15)
            f = hz(stroke.pitch)
            reach = bright * (0.4 + 0.8 * stroke.loudness)
            tone = plucked(string_rng, f, length, sustain=0.995, brightness_hz=reach)
            tone = lowpass(tone, 1.6 * reach) + round_tone * sine(cycles(f, length)) * decay(length, 0.5 * ring_s)
            start = samples(0.03)
            knock = lowpass(noise(string_rng, start), 6000.0 if slap else 400.0)
            tone[:start] += (slap + thud) * knock * decay(start, 0.008)
            return ramped(normalised(tone), 0.003, 0.1)

        return Instrument(timbre, ends="damped")

    return maker


def tanpura(rng: np.random.Generator) -> Instrument:
    """Long strings over a thread on the bridge: partials light up one after the other, and again when plucked again."""
    ring, climb = rng.uniform(2.5, 5.0), rng.uniform(0.5, 1.6)

    def timbre(stroke: Stroke) -> Sound:
        length = samples(stroke.length_s + 0.3)
        f = hz(stroke.pitch)

        def shimmer(frequency: Sound, at: Sound) -> Sound:
            centre = f * (2.0 + 14.0 * np.exp(-(at % ring) / climb))
            return resonances(frequency, ((centre, 3.0 * f, 1.0), (f, f, 0.3)), 0.08)

        since = np.arange(length, dtype=np.float32) / SAMPLE_RATE % np.float32(ring)
        swell = (1.0 - np.exp(since / -0.02)) * np.exp(since * np.float32(-1.2 / ring))
        tone = np.asarray(swept(wave(saw_table(f), f, length), shimmer) * swell, dtype=np.float32)
        return ramped(normalised(tone), 0.02, 0.3)

    return Instrument(timbre)


_BOX = ((105.0, 30.0, 1.2), (210.0, 60.0, 0.9), (430.0, 120.0, 0.4))
_SMALL = ((280.0, 80.0, 1.0), (650.0, 200.0, 0.8))

MAKERS: Makers = {
    "overdriven_guitar": overdriven_guitar,
    "distorted_guitar": distorted_guitar,
    "nylon_guitar": _plucked(0.994, (1500.0, 3000.0), _BOX, 1.8),
    "steel_guitar": _plucked(0.997, (3500.0, 7000.0), _BOX, 2.4),
    "jazz_guitar": _plucked(0.996, (900.0, 1700.0), ((250.0, 200.0, 0.6),), 1.8),
    "clean_guitar": _plucked(0.997, (2500.0, 5000.0), ((1500.0, 900.0, 0.8),), 2.4),
    "muted_guitar": _plucked(0.97, (1500.0, 3500.0), ((900.0, 700.0, 0.7),), 0.35),
    "double_bass": _bass((400.0, 900.0), 1.0, 1.1),
    "finger_bass": _bass((800.0, 1600.0), 0.6, 1.6),
    "pick_bass": _bass((2000.0, 4000.0), 0.3, 1.6),
    "fretless_bass": _bass((600.0, 1200.0), 0.9, 2.0),
    "slap_bass": _bass((3500.0, 6000.0), 0.4, 1.2, slap=1.2),
    "harp": _plucked(0.997, (1500.0, 3500.0), ((200.0, 100.0, 0.7),), 2.6),
    "pizzicato": _plucked(0.975, (1200.0, 2500.0), _SMALL, 0.6),
    "sitar": _plucked(0.998, (4000.0, 8000.0), _SMALL, 2.6, buzz=0.5),
    "banjo": _plucked(0.992, (5000.0, 9000.0), ((500.0, 150.0, 1.3), (1100.0, 300.0, 0.9)), 0.9),
    "shamisen": _plucked(0.985, (4000.0, 8000.0), ((450.0, 150.0, 1.0),), 0.7, buzz=0.25),
    "koto": _plucked(0.996, (3000.0, 6000.0), _SMALL, 1.8),
    "oud": _plucked(0.993, (1500.0, 3000.0), ((150.0, 50.0, 1.0), (350.0, 90.0, 0.7)), 1.3, octave=0.15),
    "dulcimer": _plucked(0.997, (4000.0, 8000.0), _SMALL, 2.0, octave=0.2),
    "harpsichord": _plucked(0.997, (6000.0, 9500.0), _SMALL, 2.0, octave=0.5),
    "clavinet": _plucked(0.994, (3000.0, 6000.0), ((1200.0, 500.0, 1.0),), 1.2),
    "tanpura": tanpura,
}
