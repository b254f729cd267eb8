"""Where what is on air changed: from the votes, to some seconds, then from the columns, to fractions of one."""

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.blend import Blend
from ccmusic_stream.figures import KEPT_US, WINDOW_US
from ccmusic_stream.geometry import BINS, DB_FLOOR, DB_STEP, HOP_LENGTH, SAMPLE_RATE, Spectrogram
from ccmusic_stream.joints import Joint, find_joint
from ccmusic_stream.segments import Change

VOTES_ERROR_S = 5.0
"""Error of what the votes alone tell: half a window."""

KEPT_COLUMNS = round(KEPT_US / 1e6 * SAMPLE_RATE / HOP_LENGTH)

_SEARCHED_COLUMNS = round(20 * SAMPLE_RATE / HOP_LENGTH)
"""On either side of what the votes tell: as much as `find_joint` looks at."""

_LEAST = 1e-3
"""A vote of less counts as this much: no single hop outweighs all others."""


class ColumnsHistory:
    """A station's columns of the last minute, of both kinds side by side, as bytes of decibels."""

    def __init__(self) -> None:
        self._kept: dict[Spectrogram, tuple[int, NDArray[np.uint8]]] = {}

    def add(self, kind: Spectrogram, first_column: int, data: bytes) -> None:
        """Columns `first_column` and so on, one after another; those before are forgotten where some are missing."""
        new = np.frombuffer(data, dtype=np.uint8).reshape(-1, BINS[kind])
        first, old = self._kept.get(kind, (first_column, new[:0]))
        if first + len(old) != first_column:
            first, old = first_column, new[:0]
        joined = np.concatenate((old, new))
        left_out = max(0, len(joined) - KEPT_COLUMNS)
        self._kept[kind] = (first + left_out, joined[left_out:])

    def levels(self, from_column: int = 0, to_column: int | None = None) -> tuple[int, NDArray[np.float32]]:
        """The columns [from_column, to_column) that are there of both kinds: the first one, and their decibels.

        The decibels have shape (bins, columns).
        """
        if len(self._kept) < len(BINS):
            return 0, np.zeros((sum(BINS.values()), 0), dtype=np.float32)
        start = max(from_column, *(first for first, _ in self._kept.values()))
        ends = [first + len(data) for first, data in self._kept.values()]
        stop = max(start, min(ends if to_column is None else [to_column, *ends]))
        parts = [data[start - first : stop - first] for first, data in self._kept.values()]
        return start, np.hstack(parts).T * np.float32(DB_STEP) + np.float32(DB_FLOOR)


class ChangeFinder:
    """Remembers a minute of votes and columns, and finds in them where one genre gave way to another.

    Votes look back over a window, so one that has just turned speaks of what happened half a window ago; there the
    columns are searched for the joint. `clock` tells when a sample of the station was on air, in UTC microseconds;
    from a probability of `stands_out` on a genre is one.
    """

    def __init__(
        self,
        columns: ColumnsHistory | None = None,
        clock: Callable[[int], int] | None = None,
        stands_out: float = 0.35,
    ) -> None:
        self.change(stands_out)
        self._columns = columns
        self._clock = clock
        self._votes: deque[tuple[int, NDArray[np.float64]]] = deque()

    def change(self, stands_out: float) -> None:
        """From another probability on a genre is one."""
        self._none = float(np.log(max(stands_out, _LEAST)))

    def reset(self) -> None:
        """What was heard has nothing to do with what comes."""
        self._votes.clear()

    def vote(self, end_us: int, probabilities: NDArray[np.float64]) -> None:
        """The ensemble's probabilities, shape (classes,), of the window that ends at `end_us`."""
        self._votes.append((end_us, np.log(np.maximum(probabilities, _LEAST))))
        while self._votes[0][0] < end_us - KEPT_US:
            self._votes.popleft()

    def find(self, before: int | None, after: int | None, name: str | None, since_us: int) -> Change | None:
        """Where, since `since_us`, class `before`, of that name, gave way to class `after`.

        None stands for no genre that stands out. Gives None when nothing was voted on since the last `reset`.
        """
        about_us = self._turned(before, after, since_us)
        if about_us is None:
            return None
        joint = self._joint(about_us)
        if joint is None:
            return Change(about_us, VOTES_ERROR_S)
        found, start_us = joint
        at_us, half_us = start_us + round(found.at_s * 1e6), round(found.length_s * 5e5)
        blend = Blend(name, at_us - half_us, at_us + half_us) if found.is_blend and name is not None else None
        return Change(at_us, found.error_s, blend)

    def _turned(self, before: int | None, after: int | None, since_us: int) -> int | None:
        """The likeliest moment of the change, as far as votes tell: first they speak for one, then for the other."""
        votes = [(end_us, logs) for end_us, logs in self._votes if end_us > since_us]
        if not votes:
            return None
        gains = [self._of(after, logs) - self._of(before, logs) for _, logs in votes]
        # The least of the sums is where votes before it say most for the one and those after it most for the other.
        turn = int(np.argmin(np.concatenate(([0.0], np.cumsum(gains)))))
        times = [end_us for end_us, _ in votes]
        between_us = (times[max(turn - 1, 0)] + times[min(turn, len(times) - 1)]) // 2
        return between_us - WINDOW_US // 2

    def _of(self, genre: int | None, logs: NDArray[np.float64]) -> float:
        return self._none if genre is None else float(logs[genre])

    def _joint(self, about_us: int) -> tuple[Joint, int] | None:
        """The joint in the columns, and the UTC microseconds from which its seconds count."""
        if self._columns is None or self._clock is None:
            return None
        about = round((about_us - self._clock(0)) / 1e6 * SAMPLE_RATE / HOP_LENGTH)
        first, levels = self._columns.levels(about - _SEARCHED_COLUMNS, about + _SEARCHED_COLUMNS)
        start_us = self._clock(first * HOP_LENGTH)
        found = find_joint(levels, (about_us - start_us) / 1e6)
        return None if found is None or found.error_s > VOTES_ERROR_S else (found, start_us)
