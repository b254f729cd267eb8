"""What a composed piece is known to be: yes-or-no answers that further heads learn beside the genre."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class FactVocabulary:
    """Names of yes-or-no facts: instrument families, drum patterns, ranges of tempo, metres, effects."""

    names: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many facts there are."""
        return len(self.names)

    @classmethod
    def of(cls, pieces: Sequence[Mapping[str, object]], least: int = 10) -> "FactVocabulary":
        """All facts that at least so many pieces have, and so many have not."""
        counts: dict[str, int] = {}
        for piece in pieces:
            for name in _facts(piece):
                counts[name] = counts.get(name, 0) + 1
        return cls(tuple(sorted(name for name, count in counts.items() if least <= count <= len(pieces) - least)))

    def encode(self, piece: Mapping[str, object] | None) -> NDArray[np.float32]:
        """1 for each fact that the piece has, else 0; NaN for all when there is no piece, but a real recording."""
        if piece is None:
            return np.full(self.size, np.nan, np.float32)
        has = _facts(piece)
        return np.array([float(name in has) for name in self.names], np.float32)


def _facts(piece: Mapping[str, object]) -> set[str]:
    tempo = piece.get("tempo")
    found = {f"pattern:{piece.get('pattern')}", f"metre:{piece.get('metre')}"}
    if isinstance(tempo, int | float) and tempo > 0:
        found.add(f"tempo:{round(4 * np.log2(tempo / 60))}")  # a quarter of an octave each
    for key in ("families", "effects"):
        values = piece.get(key)
        if isinstance(values, Mapping | Sequence) and not isinstance(values, str):
            found |= {f"{key}:{value}" for value in values}
    return found
