"""What the hops within equal steps of time say together: a past in as many points as a screen has room for."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccmusicd.publish.hops import HopBlock, Layout

HEARD = ("music", "speech", "uncertain")
"""The states in which votes count: what networks say of silence, or of the first seconds, is no genre that was on."""


@dataclass(frozen=True, slots=True)
class Grid:
    """`count` steps of `width_us` from `first_us`, UTC microseconds, which is a whole multiple of the width since 1970.

    Grids of one width fit together, whenever they were asked for.
    """

    first_us: int
    width_us: int
    count: int

    @classmethod
    def over(cls, from_us: int, to_us: int, steps: int) -> "Grid":
        """About `steps` steps (at most one more) of whole seconds that cover [from_us, to_us), which is not empty."""
        width_us = -(-(to_us - from_us) // (steps * 1_000_000)) * 1_000_000
        first_us = from_us // width_us * width_us
        return cls(first_us, width_us, -(-(to_us - first_us) // width_us))


class Steps:
    """Hops summed up by step of a `Grid`. Their labels and models may change on the way."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._sums: dict[Layout, _Sums] = {}
        self.newest_us: int | None = None
        """The UTC microseconds of the newest hop that was added."""

    def add(self, block: HopBlock) -> None:
        """Take the hops of a block that are newer than all before; those outside of the grid count for nothing."""
        if self.newest_us is not None:
            block = block.between(self.newest_us + 1, None)
        if not len(block):
            return
        self.newest_us = int(block.time_us[-1])
        places = (block.time_us - self._grid.first_us) // self._grid.width_us  # (n,)
        counts = (places >= 0) & (places < self._grid.count) & np.isin(block.states, HEARD)
        counts &= ~np.isnan(block.divergence)  # nobody voted
        sums = self._sums.setdefault(block.layout, _Sums.empty(block.layout, self._grid.count))
        sums.add(places[counts], block.ensemble[counts], block.models[counts], block.divergence[counts])

    def to_wire(self) -> dict[str, Any]:
        """The part of the answer that is of the hops; null where none counts."""
        parts = list(self._sums.values())
        hops, divergence = np.zeros(self._grid.count, dtype=np.int64), np.zeros(self._grid.count)
        for part in parts:
            hops += part.hops
            divergence += part.divergence
        slugs = list(dict.fromkeys(slug for part in parts for slug in part.layout.labels))
        names = list(dict.fromkeys(name for part in parts for name in part.layout.models))
        return {
            "hops": [int(n) for n in hops],
            "labels": slugs,
            "ensemble": {slug: _means(np.sum([part.of(slug) for part in parts], axis=0), hops) for slug in slugs},
            "models": {name: self._firsts(name, slugs) for name in names},
            "divergence": _means(divergence, hops),
        }

    def _firsts(self, model: str, slugs: list[str]) -> list[int | None]:
        """A model's commonest first choice in each step as its place in `slugs`; the likelier of two as common."""
        scores = np.zeros((self._grid.count, len(slugs)))
        for part in self._sums.values():
            if model in part.layout.models:
                into = [slugs.index(slug) for slug in part.layout.labels]
                scores[:, into] += part.scores[:, part.layout.models.index(model)]
        return [int(best) if score > 0 else None for best, score in zip(scores.argmax(1), scores.max(1), strict=True)]


@dataclass(slots=True)
class _Sums:
    """Sums over the hops of one layout; K steps, L labels, M models.

    `hops` (K,); `ensemble` (K, L) and `divergence` (K,) are sums; `scores` (K, M, L) count first choices, with less
    than a millionth a hop for how likely they were.
    """

    layout: Layout
    hops: NDArray[np.int64]
    ensemble: NDArray[np.float64]
    divergence: NDArray[np.float64]
    scores: NDArray[np.float64]

    @classmethod
    def empty(cls, layout: Layout, steps: int) -> "_Sums":
        labels, models = len(layout.labels), len(layout.models)
        return cls(
            layout,
            np.zeros(steps, dtype=np.int64),
            np.zeros((steps, labels)),
            np.zeros(steps),
            np.zeros((steps, models, labels)),
        )

    def add(
        self,
        places: NDArray[np.int64],
        ensemble: NDArray[np.float32],
        models: NDArray[np.float32],
        divergence: NDArray[np.float32],
    ) -> None:
        """Take n hops: (n,), (n, L), (n, M, L) and (n,)."""
        np.add.at(self.hops, places, 1)
        np.add.at(self.ensemble, places, ensemble)
        np.add.at(self.divergence, places, divergence)
        hop, model = np.nonzero(~np.isnan(models[:, :, 0]))
        votes = models[hop, model]  # (votes, L)
        first = votes.argmax(axis=1)
        np.add.at(self.scores, (places[hop], model, first), 1 + votes.max(axis=1, initial=0) / 1e6)

    def of(self, slug: str) -> NDArray[np.float64]:
        """The sums of a label, (K,): zeros where the layout has no such label."""
        if slug not in self.layout.labels:
            return np.zeros(len(self.hops))
        return self.ensemble[:, self.layout.labels.index(slug)]


def _means(sums: NDArray[np.float64], hops: NDArray[np.int64]) -> list[float | None]:
    return [round(float(value / count), 4) if count else None for value, count in zip(sums, hops, strict=True)]
