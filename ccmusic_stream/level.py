"""Level and silence, measured on the samples and never guessed by a network."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.geometry import SAMPLE_RATE

BLOCK = SAMPLE_RATE // 10
"""Samples in one measured block: 0.1 s."""

FLOOR_DBFS = -120.0
"""The level of digital zero, in dBFS."""

CLIP = 0.999
"""Two samples in a row at or above this magnitude are clipping."""


LOUDEST = 1e4
"""Finite samples above this are no sound: 80 dB over full scale."""


@dataclass(frozen=True, slots=True)
class Level:
    """A level in dB relative to full scale: a full-scale square wave is 0, digital zero is -120."""

    rms_dbfs: float
    peak_dbfs: float
    clipped: bool = False

    def to_wire(self) -> dict[str, Any]:
        """The object of the wire; decibels with one decimal."""
        return {"rms_dbfs": round(self.rms_dbfs, 1), "peak_dbfs": round(self.peak_dbfs, 1), "clipped": self.clipped}


SILENT = Level(FLOOR_DBFS, FLOOR_DBFS)


def is_sound(samples: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Which samples can be sound: not NaN, not infinite, not absurdly large."""
    mask: NDArray[np.bool_] = np.abs(samples) <= LOUDEST
    return mask


def measure(samples: NDArray[np.float32]) -> Level:
    """Level of a block, shape (n,), n > 0."""
    loud = np.abs(samples)
    exact = samples.astype(np.float64)  # the square of a float32 may be too large for a float32
    power = float(np.dot(exact, exact)) / len(samples)
    at_limit = loud >= CLIP
    return Level(_dbfs(np.sqrt(power)), _dbfs(float(loud.max())), bool(np.any(at_limit[1:] & at_limit[:-1])))


def _dbfs(amplitude: float) -> float:
    return max(FLOOR_DBFS, 20.0 * float(np.log10(max(amplitude, 1e-6))))


class LevelMeter:
    """Cuts a stream into blocks of 0.1 s from its (re)start on, whatever the size of the pieces it comes in."""

    def __init__(self) -> None:
        self._carried = np.empty(0, dtype=np.float32)
        self._index = 0

    def restart(self, index: int) -> None:
        """Samples follow from `index` on; an unfinished block before it is dropped."""
        self._carried = np.empty(0, dtype=np.float32)
        self._index = index

    def push(self, samples: NDArray[np.float32]) -> list[tuple[int, Level]]:
        """Every block that is now complete, as (index of its first sample, level)."""
        whole = np.concatenate((self._carried, samples))
        used = len(whole) // BLOCK * BLOCK
        self._carried = whole[used:].copy()
        first, self._index = self._index, self._index + used
        return [(first + offset, measure(whole[offset : offset + BLOCK])) for offset in range(0, used, BLOCK)]


class SilenceDetector:
    """Says since which sample it has been silent, with hysteresis.

    Silence begins, dated back to its first block, when every block of `after_s` seconds was below `threshold_dbfs`;
    it ends with the first of three successive blocks `HYSTERESIS_DB` above the threshold: a click does not end it, even
    one that falls into two blocks.
    """

    HYSTERESIS_DB = 3.0
    LOUD_BLOCKS = 3

    def __init__(self, threshold_dbfs: float = -60.0, after_s: float = 3.0) -> None:
        self.change(threshold_dbfs, after_s)
        self.silent = False
        self._run = 0
        self._run_start = 0

    def change(self, threshold_dbfs: float, after_s: float) -> None:
        """Judge by these from the next block on; what it is now stays until that says otherwise."""
        self._threshold = threshold_dbfs
        self._quiet_needed = round(after_s * SAMPLE_RATE / BLOCK)

    def restart(self) -> None:
        """The stream was interrupted: nothing is known."""
        self.silent = False
        self._run = 0

    def block(self, index: int, level: Level) -> tuple[bool, int] | None:
        """Take the next block; when it changes the state: (silent now, index of the sample where that began)."""
        limit = self._threshold + (self.HYSTERESIS_DB if self.silent else 0.0)
        quiet = level.rms_dbfs < limit
        if quiet == self.silent:
            self._run = 0
            return None
        if self._run == 0:
            self._run_start = index
        self._run += 1
        if self._run < (self.LOUD_BLOCKS if self.silent else self._quiet_needed):
            return None
        self.silent, self._run = quiet, 0
        return self.silent, self._run_start
