"""The demo station: an endless programme of music that the project plays itself, in contrasting styles.

Nothing is read and nothing is recorded: `ccmusicd.capture.music` computes every note from formulas, bar by bar, so
that a bar is ready long before it is due.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import count

import numpy as np

from ccmusicd.capture.music import ambient, classical, electronic, hip_hop, jazz, rock
from ccmusicd.capture.music.synth import SAMPLE_RATE, Sound

BLOCK = 2048
"""Samples in every block."""

SILENCE_S = 3.5
SILENCE_RMS = 1e-4
"""The silence is a living line's, -80 dBFS, and not digital zero: the station is on air and says nothing."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One item of the programme. `play` gives its sound, mono float32 at 22,050 Hz in [-1, 1], part by part."""

    title: str
    play: Callable[[np.random.Generator], Iterator[Sound]]


def _silence(rng: np.random.Generator) -> Iterator[Sound]:
    yield np.float32(SILENCE_RMS) * rng.standard_normal(round(SILENCE_S * SAMPLE_RATE), dtype=np.float32)


PROGRAMME: tuple[Piece, ...] = (
    Piece(classical.TITLE, classical.play),
    Piece(electronic.TITLE, electronic.play),
    Piece(jazz.TITLE, jazz.play),
    Piece("", _silence),
    Piece(rock.TITLE, rock.play),
    Piece(ambient.TITLE, ambient.play),
    Piece(hip_hop.TITLE, hip_hop.play),
)
"""One round; the silence in it has no title. Each round draws its own keys, chords and melodies."""


def programme(seed: int = 0) -> Iterator[tuple[str, Sound]]:
    """Endless (title of the piece, block): mono float32 [shape=(2048,)] at 22,050 Hz within [-1, 1].

    The same seed gives the same samples. The title is empty during silence. A piece's last block is filled up with
    zeros, so that no block belongs to two pieces.
    """
    for item in count():
        piece = PROGRAMME[item % len(PROGRAMME)]
        for block in _blocks(piece.play(np.random.default_rng((seed, item)))):
            yield piece.title, block


def render(seed: int = 0) -> Iterator[Sound]:
    """The blocks of `programme` without their titles."""
    return (block for _, block in programme(seed))


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
