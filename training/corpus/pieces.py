"""A piece of the corpus: composed, rendered, mixed, produced and written, with a line that says what it is."""

import functools
import importlib
import pkgutil
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ccmusicd.capture.music import composers
from ccmusicd.capture.music.performance import part_sound, playable
from ccmusicd.capture.music.score import INSTRUMENTS, Part, Score
from training.corpus.codec import write_flac
from training.corpus.mixing import mixed
from training.corpus.production import produced, speed_of
from training.corpus.soundfont import RATE, sound_font
from training.corpus.speaking import SPOKEN, spoken_part

Sound = npt.NDArray[np.float32]
Composer = Callable[[np.random.Generator, float], Score]

_FADE_S = 0.05
_BY_BAND = 0.25
"""The share of pieces that the project's own band plays throughout, as it does on the demo station."""


@dataclass(frozen=True, slots=True)
class Order:
    """One piece that is wanted: the `number`-th of its genre and seed, about so many seconds long."""

    genre: str
    seed: int
    number: int
    seconds: float

    @property
    def key(self) -> tuple[str, int, int]:
        """What tells the piece from others of the corpus."""
        return self.genre, self.seed, self.number

    def randomness(self) -> np.random.Generator:
        """The piece's own: the same for the same order."""
        return np.random.default_rng([self.seed, zlib.crc32(self.genre.encode()), self.number])


@functools.cache
def composer_of_genres() -> dict[str, Composer]:
    """Every genre that somebody composes, by its slug."""
    found = {}
    for module in pkgutil.iter_modules(composers.__path__, f"{composers.__name__}."):
        compose = getattr(importlib.import_module(module.name), "compose", None)
        if compose is not None:
            found[module.name.rpartition(".")[2]] = compose
    return found


def make_piece(order: Order, folder: Path) -> dict[str, Any]:
    """Writes the piece as FLAC in its genre's folder under `folder`; what is known of it, for pieces.jsonl."""
    rng = order.randomness()
    score = composer_of_genres()[order.genre](rng, order.seconds)
    by_band = bool(rng.random() < _BY_BAND) and playable(score)
    sounds = [rendered(part, score, rng, by_band=by_band) for part in score.parts]
    sound, done = produced(mixed(score, sounds, rng), rng)
    sound = _ended(sound, min(score.seconds / speed_of(done), order.seconds))
    file = Path(order.genre) / f"{score.style}_{order.seed}_{order.number}.flac"
    (folder / file.parent).mkdir(parents=True, exist_ok=True)
    write_flac(folder / file, sound)
    key = {"genre": order.genre, "seed": order.seed, "number": order.number}
    return {"file": str(file), **key, "players": "band" if by_band else "sound font", **_described(score, done, sound)}


def rendered(part: Part, score: Score, rng: np.random.Generator, *, by_band: bool = False) -> Sound:
    """The part by whoever plays its instrument: espeak-ng, the project's own band, or the sound font.

    The band plays what General MIDI has no sound for, and everything `by_band`.
    """
    if part.instrument in SPOKEN:
        return spoken_part(part, score, rng)
    if by_band or INSTRUMENTS[part.instrument].synthesised:
        return part_sound(part, score, rng)
    return sound_font().part(part, score)


def _ended(sound: Sound, seconds: float) -> Sound:
    """The sound's first seconds, its end faded: corpus files have no silence behind them."""
    sound = sound[: round(seconds * RATE)].copy()
    fade = min(len(sound), round(_FADE_S * RATE))
    sound[len(sound) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
    return sound


def _described(score: Score, done: dict[str, str], sound: Sound) -> dict[str, Any]:
    return {
        "style": score.style,
        "title": score.title,
        "tempo": round(score.tempo * speed_of(done), 2),
        "metre": score.metre,
        "pattern": score.pattern,
        "families": sorted({INSTRUMENTS[part.instrument].family for part in score.parts}),
        "instruments": sorted({part.instrument for part in score.parts}),
        "effects": done,
        "tags": list(score.tags),
        "seconds": round(len(sound) / RATE, 2),
    }
