"""Slow pads and far bells in the rain: no beat, a chord for eight seconds."""

from collections.abc import Iterator, Sequence

import numpy as np

from ccmusicd.capture.music.desk import Desk
from ccmusicd.capture.music.drums import rain
from ccmusicd.capture.music.instruments import bell, pad
from ccmusicd.capture.music.synth import Sound, cycles, hz, ramped, samples, sine
from ccmusicd.capture.music.theory import nearest, transposed, voiced

TITLE = "Rain over the Harbour"

_STEP_S = 2.0
_STEPS_PER_CHORD = 4
# Roots above the tonic with open, wide chords: nothing pulls anywhere.
_CHANGES = (
    ((0, (0, 7, 14, 16)), (9, (0, 7, 10, 15)), (5, (0, 7, 11, 14)), (0, (0, 7, 11, 14))),
    ((0, (0, 7, 10, 14)), (8, (0, 7, 11, 14)), (3, (0, 7, 11, 16)), (10, (0, 5, 7, 14))),
)


def play(rng: np.random.Generator) -> Iterator[Sound]:
    """About 35 seconds, two seconds at a time."""
    tonic = int(rng.integers(48, 54))
    desk = Desk(gain=0.62, reverb_s=3.2)
    voicing: tuple[int, ...] = (55, 60, 64, 67)
    for root, intervals in _CHANGES[int(rng.integers(len(_CHANGES)))]:
        chord = transposed(intervals, tonic + root)
        voicing = voiced(chord, voicing)
        for step in range(_STEPS_PER_CHORD):
            # The voices enter one after the other, which also spreads the work of computing them.
            _enter(desk, rng, voicing[step % len(voicing)], 2.0 * _STEPS_PER_CHORD + 3.0 - _STEP_S * 0.5 * step)
            if step == 0:
                _deep(desk, nearest(chord[:1], 36.0))
            _bells(desk, rng, chord)
            desk.play(0.0, ramped(rain(rng, _STEP_S + 0.25), 0.25, 0.25), 0.24, send=0.1)
            yield desk.bar(_STEP_S)
    desk.play(0.0, ramped(rain(rng, 3.8), 0.25, 3.0), 0.24, send=0.1)
    yield desk.bar(1.5)
    yield desk.fade_out(2.5)


def _enter(desk: Desk, rng: np.random.Generator, pitch: int, length_s: float) -> None:
    cutoff_hz = float(rng.uniform(550.0, 1100.0))
    desk.play(0.0, pad(pitch, length_s, cutoff_hz=cutoff_hz, attack_s=1.6), 0.3, send=0.7)


def _deep(desk: Desk, pitch: int) -> None:
    length = samples(_STEP_S * _STEPS_PER_CHORD + 1.5)
    desk.play(0.0, ramped(sine(cycles(hz(pitch), length)), 1.5, 2.5), 0.11, send=0.1)


def _bells(desk: Desk, rng: np.random.Generator, chord: Sequence[int]) -> None:
    """One or two notes of the chord, high above, whenever they like."""
    for _ in range(int(rng.integers(0, 3))):
        pitch = nearest(chord, float(rng.uniform(76.0, 91.0)))
        desk.play(float(rng.uniform(0.0, _STEP_S)), bell(pitch), float(rng.uniform(0.05, 0.14)), send=1.2)
