"""Windows of sound made unlike themselves: what a recording, a transmitter or another player might have changed.

Everything works on decibels of columns, so that it costs microseconds: a filter is a curve that is added, noise and
talk are powers that are added, a semitone is one CQT bin, and another tempo is another choice of columns.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.geometry import BINS, CQT_FMIN_HZ, MEL_FMAX_HZ, Spectrogram

Levels = NDArray[np.float32]
"""Decibels, shape (bins, columns)."""


@dataclass(frozen=True, slots=True)
class Strength:
    """How far augmentation goes; 0 switches a way off, probabilities are per window."""

    semitones: int = 2
    tempo: float = 0.1
    equaliser_db: float = 6.0
    tilt_db: float = 8.0
    band_limit: float = 0.35
    noise: float = 0.5
    dynamics: float = 0.15
    masks: int = 2
    talk_over: float = 0.08


def stretched(levels: NDArray[np.uint8], columns: int, rng: np.random.Generator, tempo: float) -> NDArray[np.uint8]:
    """Some `columns` of a recording, (bins, n) → (bins, columns), from anywhere in it, up to `tempo` faster or slower.

    A recording that is too short is repeated from its start, as the engine does.
    """
    pace = 1.0 + float(rng.uniform(-tempo, tempo))
    needed = round(columns * pace)
    total = levels.shape[1]
    first = int(rng.integers(0, max(1, total - needed + 1)))
    index = (first + (np.arange(columns) * pace).astype(int)) % total
    return levels[:, index]


def transposed(levels: Levels, kind: Spectrogram, semitones: int) -> Levels:
    """All pitches moved; what comes in from outside repeats the edge."""
    if semitones == 0:
        return levels
    bins = levels.shape[0]
    if kind == "cqt":
        moved: Levels = levels[np.clip(np.arange(bins) - semitones, 0, bins - 1)]
        return moved
    source = np.interp(_mel_hz() * 2.0 ** (-semitones / 12.0), _mel_hz(), np.arange(bins))
    below = np.floor(source).astype(int)
    share = (source - below).astype(np.float32)[:, None]
    between: Levels = levels[below] * (1 - share) + levels[np.minimum(below + 1, bins - 1)] * share
    return between


def coloured(levels: Levels, kind: Spectrogram, rng: np.random.Generator, strength: Strength) -> Levels:
    """Another equaliser, tilt, loudness range and band limit, and the noise of another line."""
    octaves = octaves_above_c1(kind)
    curve = rng.uniform(-1, 1) * strength.tilt_db * (octaves - 3.5) / 3.5
    for _ in range(int(rng.integers(0, 4))):
        centre, width = rng.uniform(0, 8.2), rng.uniform(0.3, 1.5)
        curve = curve + rng.normal(0, strength.equaliser_db / 1.5) * np.exp(-(((octaves - centre) / width) ** 2))
    out = levels + curve.astype(np.float32)[:, None]
    if rng.random() < strength.band_limit:
        out = out - _band_limit(octaves, rng)[:, None]
    if strength.dynamics:
        top = out.max()
        out = top + (out - top) * np.float32(1.0 + rng.uniform(-strength.dynamics, strength.dynamics))
    if rng.random() < strength.noise:
        floor = out.max() - rng.uniform(45, 85) + rng.uniform(-6, 6) * (octaves - 3.5)
        noise = floor[:, None] + _exponential_db(rng, out.shape)
        out = added(out, noise.astype(np.float32))
    return out.astype(np.float32, copy=False)


def masked(levels: Levels, rng: np.random.Generator, masks: int) -> Levels:
    """SpecAugment (Park et al. 2019): a few bands of rows and of columns at the window's mean level."""
    out = levels.copy()
    fill = np.float32(out.mean())
    for axis, share in ((0, 0.12), (1, 0.12)):
        for _ in range(int(rng.integers(0, masks + 1))):
            size = out.shape[axis]
            width = int(rng.integers(1, max(2, int(share * size))))
            first = int(rng.integers(0, size - width + 1))
            if axis == 0:
                out[first : first + width] = fill
            else:
                out[:, first : first + width] = fill
    return out


def added(one: Levels, other: Levels) -> Levels:
    """Both sounds at once: powers add, for sounds that know nothing of each other."""
    nepers = np.float32(10 / np.log(10))
    both: Levels = np.maximum(one, other) + nepers * np.log1p(np.exp(-np.abs(one - other) / nepers))
    return both


def octaves_above_c1(kind: Spectrogram) -> NDArray[np.float64]:
    """Where each bin lies, in octaves above C1; Mel bands below it count as it."""
    if kind == "cqt":
        return np.arange(BINS["cqt"], dtype=np.float64) / 12.0
    return np.log2(np.maximum(_mel_hz(), CQT_FMIN_HZ) / CQT_FMIN_HZ)


def _band_limit(octaves: NDArray[np.float64], rng: np.random.Generator) -> Levels:
    """Decibels that a line takes: lows under 40 to 200 Hz, or highs above 3 to 10 kHz, 24 to 96 dB an octave."""
    slope = rng.uniform(24, 96)
    if rng.random() < 0.3:
        corner = np.log2(rng.uniform(40, 200) / CQT_FMIN_HZ)
        lows: Levels = (np.maximum(0, corner - octaves) * slope).astype(np.float32)
        return lows
    corner = np.log2(rng.uniform(3_000, 10_000) / CQT_FMIN_HZ)
    highs: Levels = (np.maximum(0, octaves - corner) * slope).astype(np.float32)
    return highs


def _exponential_db(rng: np.random.Generator, shape: tuple[int, ...]) -> Levels:
    """Powers of noise in single columns scatter exponentially about their mean; in decibels."""
    power = rng.standard_exponential(shape, dtype=np.float32)
    scatter: Levels = 10 * np.log10(power + np.float32(1e-3))
    return scatter


def _mel_hz() -> NDArray[np.float64]:
    """Centres of the HTK Mel bands in hertz: 2595·log10(1 + f / 700) is evenly divided (torchaudio's default)."""
    top = 2595 * np.log10(1 + MEL_FMAX_HZ / 700)
    mels = np.linspace(0, top, BINS["mel"] + 2)[1:-1]
    return np.asarray(700 * (10 ** (mels / 2595) - 1))
