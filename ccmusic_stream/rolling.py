"""Rolling probabilities and the stable genre."""

import math

import numpy as np
from numpy.typing import NDArray


class Rolling:
    """Exponential rolling average of the ensemble's probabilities, weighted by time and not by hop count.

    A vote that lies `time_constant_s` back still has 1/e of its weight. `values` is None before the first vote.
    """

    def __init__(self, time_constant_s: float) -> None:
        self.time_constant_s = time_constant_s
        self.values: NDArray[np.float64] | None = None

    def reset(self) -> None:
        """Forget: what comes next has nothing to do with what was heard."""
        self.values = None

    def update(self, probabilities: NDArray[np.float64], passed_s: float) -> NDArray[np.float64]:
        """Take the next vote, shape (classes,), `passed_s` seconds after the last; gives the new average."""
        if self.values is None:
            self.values = np.array(probabilities, dtype=np.float64)
        else:
            weight = 1.0 - math.exp(-passed_s / self.time_constant_s)
            self.values = self.values + weight * (probabilities - self.values)
        return self.values


class StableGenre:
    """The genre that is shown: it changes only when another has clearly and lastingly taken over.

    A class enters when its rolling probability is the highest, at least `enter` and exceeds the present one's by
    `margin` for `hold_s` seconds. The present one is given up, for none, when it stays below `leave` for as long and
    no single other one is taking over meanwhile. A vote stands for the time since the one before it.
    `index` is the class, None when no genre stands out.
    """

    def __init__(self, *, enter: float, leave: float, margin: float, hold_s: float) -> None:
        self.change(enter=enter, leave=leave, margin=margin, hold_s=hold_s)
        self.index: int | None = None
        self._challenger: int | None = None
        self._leads_s = 0.0
        self._weak_s = 0.0

    def change(self, *, enter: float, leave: float, margin: float, hold_s: float) -> None:
        """Judge by these from the next vote on."""
        self._enter = enter
        self._leave = leave
        self._margin = margin
        self._hold_s = hold_s

    def reset(self) -> None:
        """No genre; nothing is remembered."""
        self._show(None)

    def update(self, rolling: NDArray[np.float64], passed_s: float) -> int | None:
        """Take the rolling probabilities, shape (classes,), `passed_s` seconds after the last; gives `index`."""
        weak = self.index is not None and rolling[self.index] < self._leave
        self._weak_s = self._weak_s + passed_s if weak else 0.0
        challenger = self._leader(rolling)
        if challenger != self._challenger:
            self._challenger, self._leads_s = challenger, 0.0
        if challenger is not None:
            self._leads_s += passed_s
        if challenger is not None and self._leads_s >= self._hold_s:
            self._show(challenger)
        elif weak and self._weak_s - self._leads_s >= self._hold_s:
            self._show(None)
        return self.index

    def _leader(self, rolling: NDArray[np.float64]) -> int | None:
        """The class, other than the present one, that is clearly ahead of it; None when there is none."""
        best = int(rolling.argmax())
        needed = self._enter if self.index is None else max(self._enter, rolling[self.index] + self._margin)
        return best if best != self.index and rolling[best] >= needed else None

    def _show(self, index: int | None) -> None:
        self.index, self._challenger = index, None
        self._leads_s = self._weak_s = 0.0
