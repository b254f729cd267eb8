"""A slow beat with an 808, rolling hi-hats and dusty electric-piano chords."""

from collections.abc import Iterator, Sequence

import numpy as np

from ccmusicd.capture.music.desk import Desk
from ccmusicd.capture.music.drums import TAKES, clap, crackle, hi_hat, kick, snare
from ccmusicd.capture.music.instruments import bass_808, electric_piano
from ccmusicd.capture.music.synth import Sound, lowpass
from ccmusicd.capture.music.theory import nearest, transposed, voiced

TITLE = "Corner Store Tape"

_BEAT_S = 60.0 / 86.0
_BARS = 11
_SWING_S = 0.022  # every second sixteenth is late by that much
_CHANGES = (((0, "m9"), (8, "maj9")), ((0, "m9"), (5, "m9")), ((0, "m9"), (10, "13")))  # one chord a bar
_CHORDS = {"m9": (0, 3, 7, 10, 14), "maj9": (0, 4, 7, 11, 14), "13": (0, 4, 10, 14, 21)}
_KICKS = ((0, 3, 10), (0, 6, 7, 10), (0, 2, 9, 11))  # sixteenths
_MELODY = ((2, 3, 6), (6, 8, 11, 14), (3, 6, 12))  # sixteenths of the little tune on top


def play(rng: np.random.Generator) -> Iterator[Sound]:
    """About 32 seconds, bar by bar; the drums come in after the first."""
    tonic = int(rng.integers(48, 54))
    changes = _CHANGES[int(rng.integers(len(_CHANGES)))]
    kicks = _KICKS[int(rng.integers(len(_KICKS)))]
    tune = _MELODY[int(rng.integers(len(_MELODY)))]
    hook = rng.integers(0, 4, len(tune))
    desk = Desk(gain=0.52, reverb_s=0.8)
    voicing: tuple[int, ...] = (58, 62, 65)
    for bar in range(_BARS):
        root, quality = changes[bar % 2]
        chord = transposed(_CHORDS[quality], tonic + root)
        voicing = voiced(chord[1:], voicing)
        _chords(desk, rng, voicing)
        for sixteenth, voice in zip(tune, hook, strict=True):
            note = nearest([chord[int(voice)]], 76.0)
            desk.play(_at(sixteenth, rng), lowpass(electric_piano(note), 2400.0), 0.24, send=0.4)
        if bar >= 1:
            _bass(desk, rng, nearest(chord[:1], 33.0), kicks, slide=bar % 4 == 3)
            _beat(desk, rng, kicks, roll=bar % 2 == 0)
        desk.play(0.0, crackle(rng, 4.0 * _BEAT_S), 0.2, send=0.0)
        yield desk.bar(4.0 * _BEAT_S)
    _chords(desk, rng, voicing)
    yield desk.fade_out(2.0)


def _at(sixteenth: float, rng: np.random.Generator) -> float:
    late = _SWING_S if sixteenth % 2 == 1 else 0.0
    return sixteenth * _BEAT_S / 4 + late + float(rng.normal(0.0, 0.004))


def _chords(desk: Desk, rng: np.random.Generator, voicing: Sequence[int]) -> None:
    """Struck on one and again, softer, before three; dull, as from a worn tape."""
    for sixteenth, gain in ((0, 1.0), (7, 0.7)):
        at_s = _at(sixteenth, rng)
        for pitch in voicing:
            desk.play(
                at_s + 0.008 * float(rng.random()), lowpass(electric_piano(pitch), 1500.0), 0.25 * gain, send=0.25
            )


def _bass(desk: Desk, rng: np.random.Generator, root: int, kicks: Sequence[int], *, slide: bool) -> None:
    ends = (*kicks[1:], 16)
    for sixteenth, end in zip(kicks, ends, strict=True):
        held_s = min(1.1, (end - sixteenth) * _BEAT_S / 4 * 0.95)
        boom = bass_808(root, held_s, slide=5.0 if slide and end == 16 else 0.0)
        desk.play(_at(sixteenth, rng), boom, 0.52, send=0.0)


def _beat(desk: Desk, rng: np.random.Generator, kicks: Sequence[int], *, roll: bool) -> None:
    for sixteenth in kicks:
        desk.play(_at(sixteenth, rng), kick(int(rng.integers(TAKES)), electronic=True), 0.6, send=0.0)
    for sixteenth in (4, 12):
        desk.play(_at(sixteenth, rng), snare(int(rng.integers(TAKES))), 0.5, send=0.2)
        desk.play(_at(sixteenth, rng) + 0.01, clap(int(rng.integers(TAKES))), 0.38, send=0.2)
    for eighth in range(0, 16, 2):
        desk.play(_at(eighth, rng), hi_hat(int(rng.integers(TAKES))), 0.4 if eighth % 4 == 0 else 0.3)
    if roll:
        begin = int(rng.choice([6, 13, 14]))
        for stroke in range(6):
            desk.play(_at(begin, rng) + stroke * _BEAT_S / 12, hi_hat(stroke % TAKES), 0.18 + 0.04 * stroke)
    else:
        desk.play(_at(14, rng), hi_hat(int(rng.integers(TAKES)), opened=True), 0.3)
