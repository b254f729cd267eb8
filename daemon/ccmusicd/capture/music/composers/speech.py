"""Composes speech as radio has it: reading, news, conversation, interviews, announcements, sports, talk over music."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ccmusicd.capture.music.composers.piece import Piece, broken, hold
from ccmusicd.capture.music.composers.writing import PartBuilder, between, chance, pick, whole
from ccmusicd.capture.music.score import Score

_LOOPS = ("I V vi IV", "i bVI bIII bVII", "I:maj7 vi:m7 ii:m7 V:7", "i:m9 IV:9", "I IV")


@dataclass(frozen=True, slots=True)
class _Manner:
    """How people talk in a style: ranges of sentences and pauses in seconds, loudness, and how much the pitch wanders.

    `turns` is how many sentences a speaker says before the other one answers; None where only one speaks.
    """

    sentence: tuple[float, float]
    pause: tuple[float, float]
    velocity: tuple[float, float] = (78, 98)
    wander: float = 1.0
    turns: tuple[int, int] | None = None
    room: tuple[float, float] = (0.0, 0.25)
    crowd: float = 0.1


_MANNERS: Mapping[str, _Manner] = {
    "reading": _Manner((2.0, 6.0), (0.35, 1.1)),
    "news": _Manner((3.0, 7.0), (0.2, 0.6), (88, 104), 0.8, room=(0.0, 0.1)),
    "conversation": _Manner((0.6, 4.0), (0.05, 0.7), wander=1.6, turns=(1, 3), crowd=0.3),
    "interview": _Manner((1.5, 6.0), (0.15, 0.8), wander=1.2, turns=(1, 5), crowd=0.15),
    "announcement": _Manner((1.5, 3.5), (0.4, 1.2), (90, 112), 1.2, room=(0.1, 0.8), crowd=0.4),
    "sports": _Manner((0.8, 4.5), (0.05, 0.4), (98, 122), 2.4, crowd=0.9),
    "lecture": _Manner((2.0, 5.5), (0.5, 1.8), room=(0.2, 0.6), crowd=0.15),
    "poetry": _Manner((1.2, 3.2), (0.6, 1.6), (64, 90), 1.5),
    "audio_drama": _Manner((0.8, 3.5), (0.2, 1.4), (60, 116), 2.2, (1, 2), (0.0, 0.5)),
    "telephone": _Manner((1.0, 4.5), (0.1, 0.9), wander=1.3, turns=(1, 4), room=(0.0, 0.05)),
    "talk_over": _Manner((1.5, 5.0), (0.15, 0.6), (92, 110), 1.3, room=(0.0, 0.1), crowd=0.0),
}


def _speakers(piece: Piece, manner: _Manner) -> list[tuple[PartBuilder, int]]:
    """One or two people: their parts, and the heights of their voices (MIDI pitches; men 40-50, women 51-60)."""
    rng = piece.rng
    count = 1 if manner.turns is None else 2
    room = between(rng, *manner.room)
    heights = [whole(rng, 40, 50) if chance(rng, 0.5) else whole(rng, 51, 60) for _ in range(count)]
    if count == 2 and abs(heights[0] - heights[1]) < 3:
        heights[1] += 5 if heights[0] < 50 else -6
    width = between(rng, 0.0, 0.4)
    pans = (0.0,) if count == 1 else (-width, width)
    return [
        (piece.part(f"speaker {index + 1}", "talk", pan=pan, room=room), height)
        for index, (pan, height) in enumerate(zip(pans, heights, strict=True))
    ]


def _talk(piece: Piece, manner: _Manner) -> None:
    """Sentences and pauses to the end, the speakers in turn."""
    rng, per_second = piece.rng, piece.tempo / 60
    speakers = _speakers(piece, manner)
    at, turn = between(rng, 0.0, 0.8), 0
    loud = between(rng, *manner.velocity)
    pace = between(rng, 0.75, 1.3)
    end = piece.beats / per_second
    while at < end - 0.4:
        part, height = speakers[turn % len(speakers)]
        for _ in range(whole(rng, *(manner.turns or (1, 4)))):
            length = min(end - at, pace * between(rng, *manner.sentence))
            if length < 0.4:
                break
            pitch = round(height + float(np.clip(manner.wander * rng.standard_normal(), -5, 6)))
            part.add(at * per_second, length * per_second, pitch, loud + 4 * rng.standard_normal())
            at += length + pace * between(rng, *manner.pause)
        turn += 1


def _room_noise(piece: Piece, manner: _Manner) -> None:
    """People in the distance, or the weather outside."""
    rng = piece.rng
    if chance(rng, manner.crowd):
        part = piece.part("room", "crowd", gain_db=between(rng, -24, -12), room=0.0)
        part.add(0.0, piece.beats, 60, 80)
    elif chance(rng, 0.1):
        part = piece.part(
            "outside", pick(rng, ("rain", "wind", "sea", "birds")), gain_db=between(rng, -28, -18), room=0.0
        )
        part.add(0.0, piece.beats, 60, 80)


def _bed(
    piece: Piece, instruments: Sequence[str] = ("grand_piano", "rhodes", "steel_guitar", "pluck", "marimba")
) -> None:
    """Quiet music under the talk."""
    rng = piece.rng
    piece.harmony(_LOOPS)
    figure = piece.part("bed", pick(rng, instruments), gain_db=-18)
    broken(
        figure, piece.chords, pick(rng, ((0, 2, 1, 3), (0, 1, 2, 1), (0, 2, 4, 3))), pick(rng, (0.5, 1.0)), 50, 76, 1.5
    )
    if chance(rng, 0.7):
        pad = piece.part("bed pad", pick(rng, ("warm_pad", "slow_strings", "synth_strings")), gain_db=-19)
        hold(pad, piece.chords, 62, 74)
    if chance(rng, 0.5):
        bass = piece.part("bed bass", pick(rng, ("finger_bass", "synth_bass")), gain_db=-18)
        for beat in np.arange(0.0, piece.beats, 2.0):
            chord = next(chord for chord in piece.chords if chord.end > beat + 1e-6)
            bass.add(float(beat), 1.8, chord.bass(38), 80)


def _styled(style: str) -> Callable[[np.random.Generator, float], Piece]:
    def made(rng: np.random.Generator, seconds: float) -> Piece:
        manner = _MANNERS[style]
        piece = Piece(rng, style, seconds, tempo=(70, 128), room=(0.0, 0.3))
        _talk(piece, manner)
        if style == "talk_over":
            _bed(piece)
        else:
            _room_noise(piece, manner)
        return piece

    return made


_STYLES = tuple(_styled(style) for style in _MANNERS)
_FIRST = ("Morning", "Evening", "Local", "Weekend", "World", "Open", "Late", "Science", "Village", "Harbour", "Book")
_SECOND = ("Report", "Talk", "Bulletin", "Hour", "Stories", "Letters", "Voices", "Notes", "Chronicle", "Matters")


def compose(rng: np.random.Generator, seconds: float = 30.0) -> Score:
    """New talk of about so many seconds, in a style drawn at random."""
    piece = pick(rng, _STYLES)(rng, seconds)
    return piece.score("speech", f"{pick(rng, _FIRST)} {pick(rng, _SECOND)}")
