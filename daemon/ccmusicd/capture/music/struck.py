"""Pianos, mallets and bells: partials that are struck and die away, the higher the sooner."""

import numpy as np

from ccmusicd.capture.music.playing import Instrument, Maker, Makers, Stroke
from ccmusicd.capture.music.synth import (
    SAMPLE_RATE,
    Sound,
    cycles,
    decay,
    hz,
    lowpass,
    noise,
    normalised,
    ramped,
    samples,
    sine,
    table,
    time_axis,
    wave,
)

_SINE = (1.0,)


def _piano(brightness: tuple[float, float], detune: tuple[float, float], ring: float = 1.0) -> Maker:
    """Hammered strings: stretched partials; `detune` in cents between the two strings of a note."""

    def maker(rng: np.random.Generator) -> Instrument:
        slope, apart = rng.uniform(*brightness), rng.uniform(*detune)
        stiff, strike = rng.uniform(1e-4, 5e-4), rng.uniform(6.5, 9.0)

        def timbre(stroke: Stroke) -> Sound:
            f = hz(stroke.pitch)
            length = samples(float(np.clip(4.2 - 0.045 * (stroke.pitch - 33.0), 0.8, 3.6)) * ring)
            t = time_axis(length)
            total = np.zeros(length, dtype=np.float32)
            stiffness = stiff * 2.0 ** ((stroke.pitch - 48.0) / 14.0)
            falling = ring * 1.5 * 2.0 ** ((48.0 - stroke.pitch) / 26.0)
            for partial in range(1, 15):
                high = f * partial * float(np.sqrt(1.0 + stiffness * partial * partial))
                if high > 0.45 * SAMPLE_RATE:
                    break
                strength = partial ** (slope * (1.8 - stroke.loudness)) * (0.3 + abs(np.sin(np.pi * partial / strike)))
                tone = wave(table(_SINE), high, length)
                if partial <= 3:  # two strings a hair apart: the slow beating of a real piano
                    tone = 0.6 * tone + 0.4 * wave(table(_SINE), high * 2.0 ** (apart / 1200.0), length, 0.2)
                total += np.float32(strength) * np.exp(t * np.float32(-(1.0 + 0.4 * partial) / falling)) * tone
            start = samples(0.03)
            knock = lowpass(noise(np.random.default_rng(round(stroke.pitch)), start), 400.0 + 900.0 * stroke.loudness)
            total[:start] += 0.25 * knock * decay(start, 0.008)
            return ramped(normalised(total), 0.002, 0.08)

        return Instrument(timbre, ends="damped")

    return maker


def _electric(bite: tuple[float, float], ratio: float, tremolo: float) -> Maker:
    """A struck tine: a sine bent by itself and by a bite that dies quickly; `tremolo` is its depth."""

    def maker(rng: np.random.Generator) -> Instrument:
        body, teeth, rate = rng.uniform(0.6, 2.2), rng.uniform(*bite), rng.uniform(3.5, 6.0)

        def timbre(stroke: Stroke) -> Sound:
            f, length = hz(stroke.pitch), samples(2.6)
            high = f * ratio if f * ratio < 6000.0 else f * round(6000.0 / f)
            bent = sine(cycles(f, length)) * (body * stroke.loudness * decay(length, 0.5))
            bent += teeth * stroke.loudness * sine(cycles(high, length)) * decay(length, 0.06)
            tone = np.sin(np.float32(2.0 * np.pi) * cycles(f, length).astype(np.float32) + bent)
            swing = 1.0 + tremolo * np.sin(time_axis(length) * np.float32(2.0 * np.pi * rate))
            return ramped(normalised(tone * decay(length, 0.9) * swing), 0.003, 0.1)

        return Instrument(timbre, ends="damped")

    return maker


def _bars(partials: tuple[tuple[float, float, float], ...], knock: float, tremolo: float = 0.0) -> Maker:
    """Struck bars, tubes and pans: (ratio, strength, ring in seconds at middle C) of each partial."""

    def maker(rng: np.random.Generator) -> Instrument:
        hard, rate, ring = rng.uniform(0.5, 1.5), rng.uniform(3.0, 7.0), rng.uniform(0.8, 1.25)

        def timbre(stroke: Stroke) -> Sound:
            f = hz(stroke.pitch)
            shrunk = ring * 2.0 ** ((60.0 - stroke.pitch) / 30.0)
            length = samples(min(4.5, 4.0 * max(r for _, _, r in partials) * shrunk))
            total = np.zeros(length, dtype=np.float32)
            for index, (ratio, strength, ring_s) in enumerate(partials):
                if f * ratio < 0.45 * SAMPLE_RATE:
                    strong = strength * (hard * (0.4 + stroke.loudness)) ** min(index, 2)
                    total += np.float32(strong) * wave(table(_SINE), f * ratio, length) * decay(length, ring_s * shrunk)
            start = min(length, samples(0.02))
            hit = lowpass(noise(np.random.default_rng(round(stroke.pitch)), start), 3000.0)
            total[:start] += knock * hard * hit * decay(start, 0.004)
            if tremolo:
                total *= 1.0 + tremolo * np.sin(time_axis(length) * np.float32(2.0 * np.pi * rate))
            return ramped(normalised(total), 0.001, 0.08)

        return Instrument(timbre, ends="damped")

    return maker


MAKERS: Makers = {
    "grand_piano": _piano((-1.6, -1.0), (0.5, 2.0)),
    "bright_piano": _piano((-1.1, -0.7), (0.5, 2.0)),
    "honky_tonk": _piano((-1.3, -0.8), (9.0, 20.0), 0.8),
    "rhodes": _electric((0.2, 0.6), 14.0, 0.22),
    "dx_piano": _electric((0.6, 1.4), 14.0, 0.05),
    "celesta": _bars(((1.0, 1.0, 0.8), (4.0, 0.25, 0.2)), 0.2),
    "glockenspiel": _bars(((1.0, 1.0, 1.2), (2.76, 0.4, 0.6), (5.4, 0.2, 0.25)), 0.4),
    "music_box": _bars(((1.0, 1.0, 0.7), (3.0, 0.35, 0.3), (6.3, 0.15, 0.1)), 0.3),
    "vibraphone": _bars(((1.0, 1.0, 1.3), (4.0, 0.25, 0.4), (10.0, 0.05, 0.1)), 0.15, 0.25),
    "marimba": _bars(((1.0, 1.0, 0.25), (4.0, 0.3, 0.07), (9.9, 0.1, 0.03)), 0.4),
    "xylophone": _bars(((1.0, 1.0, 0.12), (3.0, 0.5, 0.06), (6.2, 0.25, 0.03)), 0.8),
    "tubular_bells": _bars(
        ((1.0, 0.7, 1.5), (2.0, 1.0, 1.2), (2.76, 0.8, 0.9), (4.07, 0.6, 0.6), (5.4, 0.4, 0.4)), 0.2
    ),
    "steel_drum": _bars(((1.0, 1.0, 0.35), (2.0, 0.7, 0.25), (3.01, 0.4, 0.15), (4.2, 0.25, 0.1)), 0.4, 0.08),
    "kalimba": _bars(((1.0, 1.0, 0.5), (5.4, 0.2, 0.08), (9.0, 0.08, 0.04)), 0.6),
    "timpani": _bars(((1.0, 1.0, 0.35), (1.5, 0.6, 0.25), (1.98, 0.4, 0.18), (2.44, 0.3, 0.12)), 0.8),
}
