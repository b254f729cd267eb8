"""A slow piece for piano, later with strings: two phrases of four bars and a close."""

from collections.abc import Iterator, Sequence

import numpy as np

from ccmusicd.capture.music.desk import Desk
from ccmusicd.capture.music.instruments import piano, strings
from ccmusicd.capture.music.synth import Sound
from ccmusicd.capture.music.theory import HARMONIC_MINOR, MAJOR, nearest, scale_chord, stepped, transposed, voiced

TITLE = "Nocturne for Piano and Strings"

_BEAT_S = 60.0 / 74.0
# Scale degrees of the bars' chords, from 0: half close in the middle, full close at the end.
_MINOR_BARS = ((0, 3, 0, 4, 5, 3, 4, 0), (0, 5, 3, 4, 0, 3, 4, 0), (0, 4, 5, 4, 3, 0, 4, 0))
_MAJOR_BARS = ((0, 5, 1, 4, 0, 3, 4, 0), (0, 3, 0, 4, 5, 1, 4, 0), (0, 4, 5, 4, 3, 0, 4, 0))
_MOTIFS = ((1.5, 0.5, 1.0, 1.0), (1.0, 1.0, 1.5, 0.5), (2.0, 0.5, 0.5, 1.0), (1.0, 0.5, 0.5, 2.0), (3.0, 1.0))
_ARCH = (0.0, 2.0, 4.0, 3.0, 5.0, 7.0, 4.0, 0.0)  # the melody's height over the bars, in semitones
_ACCOMPANIMENT = (0, 2, 3, 2, 4, 2, 3, 2)  # which note of the broken chord each quaver takes


def play(rng: np.random.Generator) -> Iterator[Sound]:
    """About 31 seconds, bar by bar."""
    tonic = int(rng.integers(57, 63))
    minor = bool(rng.random() < 0.6)
    scale = transposed(HARMONIC_MINOR if minor else MAJOR, tonic)
    bars = rng.choice(_MINOR_BARS if minor else _MAJOR_BARS)
    motifs = [_MOTIFS[i] for i in rng.permutation(len(_MOTIFS))[:2]]
    desk = Desk(gain=1.15, reverb_s=2.2)
    voicing: tuple[int, ...] = (tonic - 5, tonic, tonic + 4)
    melody = nearest(scale_pitches(scale, 0), tonic + 14.0)
    for bar, degree in enumerate(bars):
        chord = scale_pitches(scale, int(degree), 4 if degree == 4 else 3)
        beat_s = _BEAT_S * (1.0 + 0.035 * (bar in {3, 6}) + 0.09 * (bar == 7))
        loudness = 0.62 + 0.38 * float(np.sin(np.pi * (bar + 1) / 9.0))
        _left_hand(desk, rng, chord, beat_s, loudness)
        motif = (4.0,) if bar == 7 else motifs[(0, 0, 1, 0)[bar % 4]]
        melody = _right_hand(desk, rng, (scale, chord), motif, (melody, tonic + 14.0 + _ARCH[bar]), beat_s, loudness)
        voicing = voiced(chord, voicing)
        if bar >= 3:
            _strings(desk, (*voicing, nearest(chord[:1], 43.0)), 4.0 * beat_s, 0.45 + 0.12 * (bar - 3))
        yield desk.bar(4.0 * beat_s)
    yield from _close(desk, rng, transposed((-24, -12, -5, 0, 3 if minor else 4, 12), tonic))


def scale_pitches(scale: Sequence[int], degree: int, notes: int = 3) -> tuple[int, ...]:
    """The chord on a degree of a scale that is given as pitches."""
    return transposed(scale_chord([pitch - scale[0] for pitch in scale], degree, notes), scale[0])


def _left_hand(desk: Desk, rng: np.random.Generator, chord: Sequence[int], beat_s: float, loudness: float) -> None:
    """A broken chord in quavers over its root, the bar's first note held out."""
    root = nearest(chord[:1], 43.0)
    ladder = [root, root + 7]
    for _ in range(3):
        ladder.append(stepped(chord, ladder[-1], 1))
    for quaver, rung in enumerate(_ACCOMPANIMENT):
        weight = 1.0 if quaver == 0 else 0.5 + 0.1 * (quaver == 4)
        touch = loudness * weight * float(rng.normal(1.0, 0.06))
        desk.play(quaver * beat_s / 2 + float(rng.normal(0.0, 0.007)), piano(ladder[rung], loud=False), 0.3 * touch)


def _right_hand(
    desk: Desk,
    rng: np.random.Generator,
    harmony: tuple[Sequence[int], Sequence[int]],
    motif: Sequence[float],
    way: tuple[int, float],
    beat_s: float,
    loudness: float,
) -> int:
    """The melody from its last pitch towards a height: chord notes on the beat, scale steps between. Its last pitch."""
    scale, chord = harmony
    pitch, height = way
    beat = 0.0
    for note, beats in enumerate(motif):
        if note == 0:
            pitch = nearest(chord, 0.35 * pitch + 0.65 * height)
        elif beat.is_integer() and int(beat) % 2 == 0:
            pitch = nearest(chord, pitch + float(rng.choice([-3, 3])))
        else:
            pitch = stepped(scale, pitch, int(rng.choice([-1, 1])))
        touch = loudness * (1.0 if note == 0 else 0.82) * float(rng.normal(1.0, 0.05))
        # A pianist lets the melody come a little after the bass.
        desk.play(
            beat * beat_s + 0.012 + abs(float(rng.normal(0.0, 0.008))),
            piano(pitch, loud=touch > 0.8),
            0.62 * touch,
            send=0.3,
        )
        beat += beats
    return pitch


def _strings(desk: Desk, voices: Sequence[int], bar_s: float, gain: float) -> None:
    for pitch in voices:
        desk.play(0.0, strings(pitch, bar_s + 0.35), 0.1 * gain, send=0.5)


def _close(desk: Desk, rng: np.random.Generator, chord: Sequence[int]) -> Iterator[Sound]:
    """The last chord, rolled from the bass, and its dying away."""
    for note, pitch in enumerate(chord):
        desk.play(0.07 * note + float(rng.normal(0.0, 0.004)), piano(pitch, loud=False), 0.34, send=0.35)
        desk.play(0.05, strings(pitch, 2.8), 0.045, send=0.5)
    yield desk.bar(1.6)
    yield desk.fade_out(2.4)
