"""The demo station: an endless programme of music that the project composes and plays itself, genre after genre.

Nothing is read and nothing is recorded: composers write every piece anew and `performance` computes it from formulas,
bar by bar, so that a bar is ready long before it is due. `schedule` says what is on air when.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ccmusicd.capture.music import performance
from ccmusicd.capture.music.composers import (
    ambient,
    classical,
    electronic,
    folk,
    hip_hop,
    jazz,
    metal,
    pop,
    reggae,
    rnb,
    rock,
    world,
)
from ccmusicd.capture.music.score import Score
from ccmusicd.capture.music.synth import SAMPLE_RATE, Sound, samples

BLOCK = 2048
"""Samples in every block."""

SILENCE_S = 3.5
SILENCE_RMS = 1e-4
"""The silence is a living line's, -80 dBFS, and not digital zero: the station is on air and says nothing."""

SHORTEST_S, LONGEST_S = 26.0, 38.0
"""How long a piece is asked to be; composers fill whole bars."""

LONGEST_REST_S = 1.0
"""No piece rests longer: nobody should take a pause of the music for the end of a piece."""

_TRIES = 100

Composer = Callable[[np.random.Generator, float], Score]

COMPOSERS: Mapping[str, Composer] = {
    "ambient": ambient.compose,
    "classical": classical.compose,
    "electronic": electronic.compose,
    "folk": folk.compose,
    "hip_hop": hip_hop.compose,
    "jazz": jazz.compose,
    "metal": metal.compose,
    "pop": pop.compose,
    "reggae": reggae.compose,
    "rnb": rnb.compose,
    "rock": rock.compose,
    "world": world.compose,
}

PROGRAMME: tuple[str | None, ...] = (
    "classical", "electronic", "jazz", None, "metal", "folk", "hip_hop", "ambient", "rock", "reggae", "pop", "world",
    "rnb",
)  # fmt: skip
"""The genres of one round, neighbours as unlike as can be; None is silence. Each round has new pieces."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One item of the programme; of silence `genre` is None, `style` and `title` are empty.

    `length` in samples. `play` gives the sound from its beginning, mono float32 at 22,050 Hz in [-1, 1], bar by bar.
    """

    title: str
    genre: str | None
    style: str
    length: int
    play: Callable[[], Iterator[Sound]]


@dataclass(frozen=True, slots=True)
class Slot:
    """What is on air from `start_s` to `end_s`, exact to the sample; `genre` is None in silence."""

    start_s: float
    end_s: float
    genre: str | None
    title: str


def pieces(seed: int = 0) -> Iterator[Piece]:
    """The endless programme; the same seed gives the same pieces."""
    for item in itertools.count():
        genre = PROGRAMME[item % len(PROGRAMME)]
        rng = np.random.default_rng((seed, item))
        yield _silence(rng) if genre is None else _composed(COMPOSERS[genre], rng)


def programme(seed: int = 0) -> Iterator[tuple[str, Sound]]:
    """Endless (title of the piece, block): mono float32 [shape=(2048,)] at 22,050 Hz within [-1, 1].

    The same seed gives the same samples. The title is empty during silence. A piece's last block is filled up with
    zeros, so that no block belongs to two pieces.
    """
    for piece in pieces(seed):
        for block in _blocks(piece.play()):
            yield piece.title, block


def render(seed: int = 0) -> Iterator[Sound]:
    """The blocks of `programme` without their titles."""
    return (block for _, block in programme(seed))


def schedule(seed: int, seconds: float) -> list[Slot]:
    """What `programme` of the same seed has on air in its first seconds; the last slot may reach beyond them."""
    slots: list[Slot] = []
    now = 0
    for piece in pieces(seed):
        if now >= seconds * SAMPLE_RATE:
            break
        end = now + -(-piece.length // BLOCK) * BLOCK
        slots.append(Slot(now / SAMPLE_RATE, end / SAMPLE_RATE, piece.genre, piece.title))
        now = end
    return slots


def _composed(compose: Composer, rng: np.random.Generator) -> Piece:
    score = _playable(compose, rng)
    band = int(rng.integers(1 << 62))
    length = performance.length_of(score)

    def play() -> Iterator[Sound]:
        return performance.play(score, np.random.default_rng(band))

    return Piece(score.title, score.genre, score.style, length, play)


def _playable(compose: Composer, rng: np.random.Generator) -> Score:
    """A new score for the band; one with an instrument that it lacks (a rapper), or a long rest, is thrown away."""
    for _ in range(_TRIES):
        score = compose(rng, float(rng.uniform(SHORTEST_S, LONGEST_S)))
        if performance.playable(score) and performance.longest_rest_s(score) <= LONGEST_REST_S:
            return score
    raise LookupError(f"{_TRIES} pieces by one composer and none that the band can play")


def _silence(rng: np.random.Generator) -> Piece:
    length = samples(SILENCE_S)
    hiss = np.float32(SILENCE_RMS) * rng.standard_normal(length, dtype=np.float32)
    return Piece("", None, "", length, lambda: iter([hiss]))


def _blocks(parts: Iterator[Sound]) -> Iterator[Sound]:
    """The parts cut into blocks of `BLOCK` samples, the last one filled up with zeros."""
    rest = np.zeros(0, dtype=np.float32)
    for part in parts:
        rest = np.concatenate([rest, part])
        whole = len(rest) // BLOCK * BLOCK
        yield from rest[:whole].reshape(-1, BLOCK)
        rest = rest[whole:]
    if len(rest):
        yield np.pad(rest, (0, BLOCK - len(rest)))
