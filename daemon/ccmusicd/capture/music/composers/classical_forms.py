"""What classical pieces begin with: tonal harmony from functions, cells of rhythm, forms, tunes."""

from collections.abc import Mapping, Sequence

import numpy as np

from ccmusicd.capture.music.composers.piece import Piece
from ccmusicd.capture.music.composers.writing import (
    Tone,
    chance,
    melody,
    pick,
    progression,
)

_FOLLOWS: Mapping[str, Mapping[str, str]] = {
    "major": {
        "I": "IV ii V vi I iii V:7 II:7", "ii": "V V:7 V IV", "iii": "vi IV", "IV": "V I ii V:7 vii:dim", "V": "I vi I",
        "V:7": "I I vi", "vi": "ii IV II:7 iii", "vii:dim": "I", "II:7": "V V:7",
    },
    "harmonic_minor": {
        "i": "iv V bVI ii:dim bIII V:7 i bVII", "iv": "V i V:7 bVII", "ii:dim": "V V:7", "bIII": "bVI iv bVII",
        "bVI": "iv bIII ii:dim bII", "bII": "V", "bVII": "bIII bVI", "V": "i bVI i", "V:7": "i i bVI",
    },
}  # fmt: skip
"""Where functional harmony goes from each chord."""

SLOW_CELLS = ((2, 2), (3, 1), (2, 1, 1), (1.5, 0.5, 2), (4,), (1, 1, 2))
SONG_CELLS = ((1, 1), (1.5, 0.5), (1, 0.5, 0.5), (2,), (0.75, 0.25, 1), (0.5, 0.5, 1))
QUICK_CELLS = ((0.5, 0.5), (0.25, 0.25, 0.25, 0.25), (0.5, 0.25, 0.25), (1,), (0.75, 0.25))
RUN_CELLS = ((0.25, 0.25, 0.25, 0.25), (0.5, 0.25, 0.25), (0.25, 0.25, 0.5))
_FORMS = ("ABAC", "AABA", "ABCB", "AABC", "ABCD", "ABACDBEC")


def begin(
    rng: np.random.Generator,
    style: str,
    seconds: float,
    tempo: tuple[float, float],
    *,
    metre: Sequence[float] = (4.0, 3.0),
    each: Sequence[float] = (1.0,),
    room: tuple[float, float] = (0.15, 0.45),
    rubato: float = 0.0,
    old: bool = False,
) -> Piece:
    """A piece with functional harmony, a chord each so many bars; `old` pieces are often at the low Baroque pitch."""
    mode = pick(rng, ("major", "harmonic_minor"))
    piece = Piece(
        rng, style, seconds, tempo=tempo, metre=pick(rng, metre), scale=mode, room=room, rubato=rubato,
        loose=(0.003, 0.015),
    )  # fmt: skip
    if old and chance(rng, 0.4):
        piece.tuning -= 100.0
    piece.tags = (mode, "baroque" if old else "common_practice")
    width = piece.metre * pick(rng, each)
    piece.chords = progression(_functional(rng, mode, round(piece.beats / width) + 1), piece.tonic, width, piece.beats)
    return piece


def _functional(rng: np.random.Generator, mode: str, places: int) -> str:
    """A walk over the functions, with a half or a full cadence at the end of each phrase of four or eight."""
    home = "I" if mode == "major" else "i"
    phrase = pick(rng, (4, 8))
    walked = [home]
    while len(walked) < places:
        place = len(walked) % phrase
        if place == 0:
            walked.append(home)
        elif place == phrase - 1:
            walked.append(pick(rng, ("V", "V:7", home)))
        elif place == phrase - 2:
            walked.append("V:7")
        else:
            walked.append(pick(rng, _FOLLOWS[mode][walked[-1]].split()))
    return " ".join(walked)


def tune_of(piece: Piece, cells: Sequence[Sequence[float]], low: int, high: int, leap: float = 0.2) -> list[Tone]:
    """A melody over the piece's chords with a classical form."""
    return melody(
        piece.rng, piece.chords, piece.scale, cells,
        low=low, high=high, bar=piece.metre, bars=piece.bars, form=pick(piece.rng, _FORMS), leap=leap,
    )  # fmt: skip
