"""A swing trio: piano, walking double bass and drums over two-five-ones."""

from collections.abc import Iterator, Sequence

import numpy as np

from ccmusicd.capture.music.desk import Desk
from ccmusicd.capture.music.drums import TAKES, hi_hat, kick, ride, snare
from ccmusicd.capture.music.instruments import piano, upright_bass
from ccmusicd.capture.music.synth import Sound, shortened
from ccmusicd.capture.music.theory import MAJOR, nearest, stepped, transposed, voiced

TITLE = "Blue Corner Trio"

_BEAT_S = 60.0 / 172.0
_BARS = 20
_LATE = 0.64  # where the second quaver of a beat falls: swing

# Root above the key and the quality, one chord a bar, eight bars round.
_CHANGES = (
    ((2, "m7"), (7, "7"), (0, "maj7"), (9, "7"), (2, "m7"), (7, "7"), (4, "m7"), (9, "7")),
    ((0, "maj7"), (9, "7"), (2, "m7"), (7, "7"), (5, "maj7"), (10, "7"), (0, "maj7"), (7, "7")),
    ((0, "m7"), (5, "7"), (10, "maj7"), (3, "maj7"), (2, "m7"), (7, "7"), (0, "m7"), (7, "7")),
)
_CHORDS = {"m7": (0, 3, 7, 10), "7": (0, 4, 7, 10), "maj7": (0, 4, 7, 11)}
_SCALES = {"m7": (0, 2, 3, 5, 7, 9, 10), "7": (0, 2, 4, 5, 7, 9, 10), "maj7": MAJOR}
_COLOURS = {"m7": (3, 7, 10, 14), "7": (4, 10, 14, 21), "maj7": (4, 7, 11, 14)}
_COMPING = ((0.0, 1.64), (1.64, 3.0), (0.64, 2.64), (3.64,), (1.0, 2.64), (0.0,))


def play(rng: np.random.Generator) -> Iterator[Sound]:
    """About 29 seconds, bar by bar; the piano's solo begins in the fifth."""
    key = int(rng.integers(0, 12))
    changes = _CHANGES[int(rng.integers(len(_CHANGES)))]
    desk = Desk(gain=0.8, reverb_s=0.9)
    bass, solo = 40, 76
    voicing: tuple[int, ...] = (58, 62, 65)
    for bar in range(_BARS):
        root, quality = changes[bar % 8]
        next_root, _ = changes[(bar + 1) % 8]
        chord = transposed(_CHORDS[quality], key + root)
        bass = _walk(desk, rng, chord, (bass, key + next_root))
        voicing = voiced(transposed(_COLOURS[quality], key + root), voicing)
        _comp(desk, rng, voicing, 0.8 if bar < 4 else 0.5)
        if bar >= 4:
            solo = _improvise(desk, rng, chord, transposed(_SCALES[quality], key + root), solo)
        _drums(desk, rng, fill=bar % 8 == 7)
        yield desk.bar(4.0 * _BEAT_S)
    for pitch in (*voicing, nearest([key + changes[0][0]], 38.0)):
        desk.play(float(rng.normal(0.015, 0.004)), piano(pitch, loud=True), 0.3, send=0.3)
    desk.play(0.0, ride(0), 0.3)
    desk.play(0.0, upright_bass(nearest([key + changes[0][0]], 38.0)), 0.6)
    yield desk.fade_out(2.2)


def _swung(beat: float, rng: np.random.Generator) -> float:
    return beat * _BEAT_S + float(rng.normal(0.0, 0.006))


def _walk(desk: Desk, rng: np.random.Generator, chord: Sequence[int], way: tuple[int, int]) -> int:
    """Four crotchets: the root, two chord notes on the way, and a semitone beside the next root. Its last pitch."""
    before, next_root = way
    root = nearest(chord[:1], 0.5 * (before + 37.0))
    target = nearest([next_root], root)
    approach = target + int(rng.choice([-1, 1]))
    between = [stepped(chord, root, int(rng.choice([-1, 1]))), nearest(chord[1:], (root + approach) / 2.0)]
    line = [root, *between, approach]
    for beat, pitch in enumerate(line):
        accent = 1.0 if beat in {1, 3} else 0.88
        desk.play(_swung(beat, rng), upright_bass(pitch), 0.4 * accent * float(rng.normal(1.0, 0.05)), send=0.06)
    return approach


def _comp(desk: Desk, rng: np.random.Generator, voicing: Sequence[int], gain: float) -> None:
    """Short chords off the beat."""
    for beat in _COMPING[int(rng.integers(len(_COMPING)))]:
        at_s, touch = _swung(beat, rng), gain * float(rng.uniform(0.75, 1.0))
        for pitch in voicing:
            desk.play(at_s, shortened(piano(pitch, loud=False), 0.3), 0.2 * touch, send=0.2)


def _improvise(desk: Desk, rng: np.random.Generator, chord: Sequence[int], scale: Sequence[int], pitch: int) -> int:
    """A line of swung quavers with breaths: a chord note on each beat, scale steps off it. Its last pitch."""
    direction = int(rng.choice([-1, 1]))
    rests = rng.random(4) < (0.55 if rng.random() < 0.25 else 0.14)
    for beat in range(4):
        if rests[beat]:
            direction = -direction
            continue
        for offset in (0.0, _LATE):
            if not 65 < pitch < 90:
                direction = 1 if pitch <= 65 else -1
            on_beat = offset == 0.0
            pitch = nearest(chord, pitch + 2.5 * direction) if on_beat else stepped(scale, pitch, direction)
            touch = (0.85 if on_beat else 1.0) * float(rng.normal(1.0, 0.08))
            desk.play(_swung(beat + offset, rng), shortened(piano(pitch, loud=True), 0.5), 0.5 * touch, send=0.16)
    return pitch


def _drums(desk: Desk, rng: np.random.Generator, *, fill: bool) -> None:
    """Spang-a-lang on the ride, the hi-hat's pedal on two and four, feathered kick, whispering snare."""
    for beat in (0.0, 1.0, 1.0 + _LATE, 2.0, 3.0, 3.0 + _LATE):
        accent = 1.0 if beat in {1.0, 3.0} else 0.72
        desk.play(
            _swung(beat, rng), ride(int(rng.integers(TAKES))), 0.44 * accent * float(rng.normal(1.0, 0.07)), send=0.1
        )
    for beat in (1.0, 3.0):
        desk.play(_swung(beat, rng), hi_hat(int(rng.integers(TAKES))), 0.3)
    for beat in range(4):
        desk.play(_swung(beat, rng), kick(int(rng.integers(TAKES)), electronic=False), 0.1)
    ghosts = (2.0, 2.0 + _LATE, 3.0, 3.33, 3.0 + _LATE) if fill else rng.choice([0.64, 1.64, 2.64, 3.64], 1)
    for beat in ghosts:
        desk.play(
            _swung(float(beat), rng), snare(int(rng.integers(TAKES)), ghost=not fill), 0.4 if fill else 0.8, send=0.15
        )
