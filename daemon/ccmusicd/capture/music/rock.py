"""Guitars through a loud amplifier, bass and a backbeat: eight bars of riff, eight of chorus with a lead guitar."""

from collections.abc import Iterator, Sequence

import numpy as np

from ccmusicd.capture.music.desk import Desk
from ccmusicd.capture.music.drums import TAKES, crash, hi_hat, kick, snare
from ccmusicd.capture.music.instruments import electric_bass, lead_guitar, power_chord
from ccmusicd.capture.music.synth import Sound, shortened
from ccmusicd.capture.music.theory import MINOR_PENTATONIC, nearest, stepped, transposed

TITLE = "Loose Valve"

_BEAT_S = 60.0 / 138.0
_BARS = 16
# Riffs: (quaver, semitones above the tonic, quavers held, palm-muted), one bar each, played in pairs.
_RIFFS = (
    (
        ((0, 0, 1, True), (1, 0, 1, True), (2, 3, 2, False), (4, 0, 1, True), (5, 5, 2, False), (7, 0, 1, True)),
        ((0, 0, 1, True), (1, 0, 1, True), (2, 3, 2, False), (4, 0, 1, True), (5, 6, 1, False), (6, 5, 2, False)),
    ),
    (
        ((0, 0, 2, False), (2, 0, 1, True), (3, 0, 1, True), (4, 0, 1, True), (5, 3, 1, False), (6, 5, 2, False)),
        ((0, 0, 2, False), (2, 0, 1, True), (3, 0, 1, True), (4, 7, 2, False), (6, 5, 1, False), (7, 3, 1, False)),
    ),
)
_CHORUS = ((0, 8, 3, 10), (0, 10, 8, 10), (0, 3, 10, 5))  # chord roots above the tonic, one a bar
_LICKS = ((1, 1, 2, 2, 2), (2, 1, 1, 1, 1, 2), (3, 1, 2, 2), (1, 1, 1, 1, 4))  # quavers
_KICKS = ((0, 3, 4), (0, 1, 5), (0, 4, 5, 7))


def play(rng: np.random.Generator) -> Iterator[Sound]:
    """About 30 seconds, bar by bar."""
    tonic = int(rng.integers(40, 44))
    riff = _RIFFS[int(rng.integers(len(_RIFFS)))]
    chorus = _CHORUS[int(rng.integers(len(_CHORUS)))]
    kicks = _KICKS[int(rng.integers(len(_KICKS)))]
    desk = Desk(gain=0.4, reverb_s=0.7)
    lead = tonic + 31
    for bar in range(_BARS):
        in_chorus = bar >= _BARS // 2
        if in_chorus:
            _chorus_chord(desk, rng, nearest([tonic + chorus[bar % 4]], 42.0))
            lead = _solo(desk, rng, transposed(MINOR_PENTATONIC, tonic), lead)
        else:
            _riff(desk, rng, tonic, riff[bar % 2])
        _drums(desk, rng, kicks, crashing=bar % 4 == 0, chorus=in_chorus, fill=bar % 8 == 7)
        yield desk.bar(4.0 * _BEAT_S)
    desk.play(0.0, power_chord(tonic, 2.4, muted=False), 0.5, send=0.2)
    desk.play(0.0, electric_bass(tonic - 12), 0.6)
    desk.play(0.0, crash(1), 0.5)
    desk.play(0.0, kick(0, electronic=False), 0.8)
    yield desk.fade_out(2.2)


def _at(quaver: float, rng: np.random.Generator) -> float:
    return quaver * _BEAT_S / 2 + float(rng.normal(0.0, 0.005))


def _riff(desk: Desk, rng: np.random.Generator, tonic: int, bar: Sequence[tuple[int, int, int, bool]]) -> None:
    for quaver, interval, held, muted in bar:
        at_s, length_s = _at(quaver, rng), round(held * _BEAT_S / 2 * 0.96, 3)
        desk.play(at_s, power_chord(tonic + interval, length_s, muted=muted), 0.62 if muted else 0.52, send=0.1)
        desk.play(at_s, shortened(electric_bass(tonic + interval - 12), length_s), 0.5, send=0.0)


def _chorus_chord(desk: Desk, rng: np.random.Generator, root: int) -> None:
    """An open chord struck twice, the bass driving quavers under it."""
    for quaver, held in ((0, 3), (3, 5)):
        length_s = round(held * _BEAT_S / 2 * 0.98, 3)
        desk.play(_at(quaver, rng), power_chord(root, length_s, muted=False), 0.5, send=0.12)
    for quaver in range(8):
        desk.play(
            _at(quaver, rng),
            shortened(electric_bass(root - 12), 0.48 * _BEAT_S),
            0.5 if quaver % 2 == 0 else 0.42,
            send=0.0,
        )


def _solo(desk: Desk, rng: np.random.Generator, scale: Sequence[int], pitch: int) -> int:
    """A lick of the pentatonic scale, its longest note bent up to pitch. Its last pitch."""
    lick = _LICKS[int(rng.integers(len(_LICKS)))]
    quaver = 0
    for quavers in lick:
        steps = int(rng.choice([-2, -1, -1, 1, 1, 2]))
        if not 62 <= pitch <= 82:
            steps = 2 if pitch < 62 else -2
        pitch = stepped(scale, pitch, steps)
        bend = 2.0 if quavers == max(lick) else 0.0
        sound = lead_guitar(pitch, quavers * _BEAT_S / 2 * 0.97, bend=bend)
        desk.play(_at(quaver, rng), sound, 0.32 * float(rng.normal(1.0, 0.05)), send=0.4)
        quaver += quavers
    return pitch


def _drums(
    desk: Desk, rng: np.random.Generator, kicks: Sequence[int], *, crashing: bool, chorus: bool, fill: bool
) -> None:
    for quaver in kicks:
        desk.play(_at(quaver, rng), kick(int(rng.integers(TAKES)), electronic=False), 0.95, send=0.04)
    for quaver in (2, 6):
        desk.play(_at(quaver, rng), snare(int(rng.integers(TAKES))), 0.75, send=0.25)
    for quaver in range(0, 8, 1 if not chorus else 2):
        accent = 0.5 if quaver % 2 == 0 else 0.36
        desk.play(_at(quaver, rng), hi_hat(int(rng.integers(TAKES)), opened=chorus), accent, send=0.05)
    if crashing:
        desk.play(_at(0, rng), crash(int(rng.integers(TAKES))), 0.5, send=0.1)
    if fill:
        for sixteenth in range(6):
            desk.play(_at(5 + sixteenth / 2, rng), snare(int(rng.integers(TAKES))), 0.4 + 0.07 * sixteenth, send=0.25)
