"""Drums, cymbals, vinyl and rain. `take` picks one of a few strokes, so that no two in a row are the same.

Strokes are computed once and remembered; callers must not write into them.
"""

from functools import lru_cache

import numpy as np

from ccmusicd.capture.music.synth import (
    SAMPLE_RATE,
    Sound,
    bandpass,
    cycles,
    decay,
    lowpass,
    noise,
    ramped,
    samples,
    saturated,
    sine,
    time_axis,
)

TAKES = 4
"""How many different strokes of a drum there are."""


@lru_cache(maxsize=16)
def kick(take: int, *, electronic: bool) -> Sound:
    """A bass drum: a falling sine with a click; the electronic one falls from higher and is driven."""
    length = samples(0.34 if electronic else 0.22)
    t = np.arange(length) / SAMPLE_RATE
    fall = (48.0 + 190.0 * np.exp(-t / 0.022)) if electronic else (62.0 + 70.0 * np.exp(-t / 0.02))
    body = sine(cycles(fall, length)) * decay(length, 0.13 if electronic else 0.07)
    click = bandpass(noise(_stroke(1, take), samples(0.012)), 1500.0, 5000.0) * decay(samples(0.012), 0.003)
    body[: len(click)] += (0.5 if electronic else 0.9) * click
    return saturated(body, 1.8)


@lru_cache(maxsize=16)
def snare(take: int, *, ghost: bool = False) -> Sound:
    """A snare drum: two skin tones and the rattle of the wires; a ghost stroke is all skin and whisper."""
    length = samples(0.25)
    skin = sine(cycles(186.0 + take, length)) + 0.6 * sine(cycles(331.0, length))
    wires = bandpass(noise(_stroke(2, take), length), 1100.0, 8500.0)
    if ghost:
        return np.float32(0.35) * (0.5 * skin * decay(length, 0.04) + 0.8 * wires * decay(length, 0.035))
    return saturated(0.55 * skin * decay(length, 0.05) + 1.8 * wires * decay(length, 0.085), 1.2)


@lru_cache(maxsize=16)
def clap(take: int) -> Sound:
    """Several hands, not quite together."""
    length = samples(0.3)
    hands = np.zeros(length, dtype=np.float32)
    for begin_s, strength, fall_s in ((0.0, 0.7, 0.006), (0.011, 0.8, 0.006), (0.023, 1.0, 0.07)):
        first = samples(begin_s)
        hands[first:] += np.float32(strength) * decay(length - first, fall_s)
    return bandpass(noise(_stroke(3, take), length), 900.0, 4200.0) * hands * np.float32(2.6)


@lru_cache(maxsize=16)
def hi_hat(take: int, *, opened: bool = False) -> Sound:
    """Two small cymbals, shut or open."""
    length = samples(0.35 if opened else 0.09)
    hiss = bandpass(noise(_stroke(4, take), length), 6200.0, 10_500.0, order=3)
    return 2.2 * hiss * decay(length, 0.13 if opened else 0.018)


@lru_cache(maxsize=16)
def ride(take: int) -> Sound:
    """A ride cymbal: the ping of the stick over a long shimmer."""
    length = samples(1.1)
    shimmer = bandpass(noise(_stroke(5, take), length), 4500.0, 10_000.0) * decay(length, 0.33)
    metal = np.zeros(length, dtype=np.float32)
    for partial_hz in (2493.0, 3163.0, 3841.0, 4567.0, 5279.0, 6373.0, 7411.0):
        metal += sine(cycles(partial_hz * (1.0 + 0.002 * take), length, start=partial_hz % 1.0))
    return 0.9 * shimmer + 0.09 * metal * decay(length, 0.16)


@lru_cache(maxsize=4)
def crash(take: int) -> Sound:
    """A crash cymbal that rings for two seconds."""
    length = samples(2.2)
    wash = bandpass(noise(_stroke(6, take), length), 2600.0, 10_000.0)
    return ramped(1.8 * wash * decay(length, 0.55), 0.003, 0.2)


def riser(length_s: float) -> Sound:
    """Noise that grows and brightens towards a drop."""
    length = samples(length_s)
    hiss = noise(_stroke(7, 0), length)
    place = time_axis(length) / np.float32(length_s)
    dark, bright = bandpass(hiss, 300.0, 1500.0), bandpass(hiss, 2500.0, 9000.0)
    return ramped((dark * (1.0 - place) + bright * place) * place * place, 0.0, 0.01)


def crackle(rng: np.random.Generator, length_s: float) -> Sound:
    """The surface of an old record: hiss and, now and then, a tick."""
    length = samples(length_s)
    surface = 0.06 * bandpass(noise(rng, length), 800.0, 7000.0)
    ticks = np.zeros(length, dtype=np.float32)
    places = rng.integers(0, length, rng.poisson(14.0 * length_s))
    ticks[places] = rng.normal(0.0, 1.0, len(places)).astype(np.float32)
    return surface + bandpass(ticks, 1000.0, 8000.0)


def rain(rng: np.random.Generator, length_s: float) -> Sound:
    """Steady rain: a broad hush that comes and goes, and drops that ring near the ear."""
    length = samples(length_s)
    gusts = 1.0 + 0.25 * np.sin(time_axis(length) * np.float32(2.0 * np.pi / length_s))
    hush = bandpass(noise(rng, length), 900.0, 7500.0, order=1) * gusts
    drops = np.zeros(length, dtype=np.float32)
    places = rng.integers(0, length, rng.poisson(22.0 * length_s))
    drops[places] = rng.exponential(1.0, len(places)).astype(np.float32)
    near = bandpass(drops, 1800.0, 5200.0, order=3) + 0.5 * lowpass(drops, 900.0, order=3)
    return np.asarray(0.5 * hush + 0.8 * near, dtype=np.float32)


def _stroke(drum: int, take: int) -> np.random.Generator:
    return np.random.default_rng((drum, take % TAKES))
