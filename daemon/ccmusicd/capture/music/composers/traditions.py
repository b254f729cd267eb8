"""What the composers of world music share: modal pieces over a drone, and ornamented tunes."""

from collections.abc import Sequence

import numpy as np

from ccmusicd.capture.music import theory
from ccmusicd.capture.music.composers.piece import Piece
from ccmusicd.capture.music.composers.writing import (
    PartBuilder,
    Tone,
    chance,
    melody,
    pick,
)

DRONE = ("I:5",)
FLOWING = ((0.5,) * 4, (1, 0.5, 0.5), (1, 1), (0.5, 0.5, 1), (0.25,) * 4, (1.5, 0.5))
LONG = ((3, 1), (2, 1, 1), (4,), (-1, 2, 1), (0.5, 0.5, 3), (1.5, 0.5, -1, 1))
VOWELS = ("a", "e", "ya", "la", "na", "o", "ma")


def begin(
    rng: np.random.Generator,
    style: str,
    seconds: float,
    tempo: tuple[float, float],
    scales: Sequence[str],
    lines: Sequence[str] = DRONE,
    *,
    metre: float = 4.0,
    room: tuple[float, float] = (0.08, 0.35),
    rubato: float = 0.0,
    pattern: str = "none",
) -> Piece:
    """A piece in one of the scales over chords, or over a bare fifth."""
    scale = pick(rng, scales)
    piece = Piece(
        rng, style, seconds, tempo=tempo, metre=metre, scale=scale, room=room, rubato=rubato, loose=(0.003, 0.014)
    )  # fmt: skip
    piece.harmony(lines)
    piece.pattern = pattern
    piece.tags = (scale,)
    return piece


def tune_of(
    piece: Piece, cells: Sequence[Sequence[float]], low: int, high: int, leap: float = 0.15, form: str | None = None
) -> list[Tone]:
    """A melody of returning bars."""
    form = form or pick(piece.rng, ("AABA", "ABAC", "AABB", "ABACABAD", "ABCB"))
    return melody(
        piece.rng,
        piece.chords,
        piece.scale,
        cells,
        low=low,
        high=high,
        bar=piece.metre,
        bars=piece.bars,
        form=form,
        leap=leap,
    )


def ornamented(piece: Piece, part: PartBuilder, tones: Sequence[Tone], velocity: float, rate: float = 0.3) -> None:
    """A line with slides, grace notes and shakes at the rate given."""
    rng = piece.rng
    for tone in tones:
        upper = theory.stepped(piece.scale, tone.pitch, 1)
        if tone.length >= 0.5 and chance(rng, rate * 0.5):
            part.add(tone.start, 0.1, upper, velocity * 0.8, "", "a")
            part.add(tone.start + 0.1, tone.length - 0.1, tone.pitch, velocity, "", "a")
        elif tone.length >= 1 and chance(rng, rate * 0.3):
            for index in range(int(tone.length * 4)):
                part.add(tone.start + index / 4, 0.24, upper if index % 2 else tone.pitch, velocity * 0.9, "", "a")
        else:
            slide = chance(rng, rate * 0.6)
            part.add(tone.start, tone.length * 0.97, tone.pitch, velocity, "slide" if slide else "", "a")
