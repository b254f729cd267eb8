"""Rolling probabilities and the stable genre."""

import math

import numpy as np
from numpy.typing import NDArray


class Rolling:
    """Exponential rolling average of the ensemble's probabilities, weighted by time and not by hop count.

    A vote that lies `time_constant_s` back still has 1/e of its weight. `values` is None before the first vote.
    """

    def __init__(self, time_constant_s: float) -> None:
        self._time_constant_s = time_constant_s
        self.values: NDArray[np.float64] | None = None

    def reset(self) -> None:
        """Forget: what comes next has nothing to do with what was heard."""
        self.values = None

    def update(self, probabilities: NDArray[np.float64], passed_s: float) -> NDArray[np.float64]:
        """Take the next vote, shape (classes,), `passed_s` seconds after the last; gives the new average."""
        if self.values is None:
            self.values = np.array(probabilities, dtype=np.float64)
        else:
            weight = 1.0 - math.exp(-passed_s / self._time_constant_s)
            self.values = self.values + weight * (probabilities - self.values)
        return self.values


class StableGenre:
    """The genre that is shown: it changes only when another has clearly and lastingly taken over.

    A class enters when its rolling probability is at least `enter` and exceeds the present one's by `margin` for
    `hold_s` seconds. The present one is given up, for none, when it stays below `leave` for as long.
    `index` is the class, None when no genre stands out.
    """

    def __init__(self, *, enter: float, leave: float, margin: float, hold_s: float) -> None:
        self._enter = enter
        self._leave = leave
        self._margin = margin
        self._hold_s = hold_s
        self.index: int | None = None
        self._wanted: int | None = None
        self._wanted_s = 0.0

    def reset(self) -> None:
        """No genre; nothing is remembered."""
        self.index = self._wanted = None
        self._wanted_s = 0.0

    def update(self, rolling: NDArray[np.float64], passed_s: float) -> int | None:
        """Take the rolling probabilities, shape (classes,), `passed_s` seconds after the last; gives `index`."""
        wanted = self._choice(rolling)
        if wanted == self.index:
            self._wanted, self._wanted_s = wanted, 0.0
            return self.index
        if wanted != self._wanted:
            self._wanted, self._wanted_s = wanted, 0.0
        self._wanted_s += passed_s
        if self._wanted_s >= self._hold_s:
            self.index, self._wanted_s = wanted, 0.0
        return self.index

    def _choice(self, rolling: NDArray[np.float64]) -> int | None:
        best = int(rolling.argmax())
        if self.index is None:
            return best if rolling[best] >= self._enter else None
        present = rolling[self.index]
        if best != self.index and rolling[best] >= max(self._enter, present + self._margin):
            return best
        return self.index if present >= self._leave else None
