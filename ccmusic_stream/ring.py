"""The newest 30 s of one station's sound, addressed by absolute sample index."""

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.geometry import SAMPLE_RATE

RING_SECONDS = 30


class AudioRing:
    """A ring of mono float32 samples in memory of fixed size.

    A station counts samples from 0 without a hole: `end` is the index after the newest sample, `start` the index of
    the oldest that is still here. Lost audio is appended as a gap: zeros, counted in `gap_samples`.
    """

    def __init__(self, capacity: int = RING_SECONDS * SAMPLE_RATE) -> None:
        self._samples = np.zeros(capacity, dtype=np.float32)
        self.end = 0
        self.gap_samples = 0

    @property
    def capacity(self) -> int:
        """How many samples are kept."""
        return len(self._samples)

    @property
    def start(self) -> int:
        """The index of the oldest sample that can be read."""
        return max(0, self.end - self.capacity)

    def append(self, samples: NDArray[np.float32]) -> None:
        """Append samples, shape (n,); the oldest are overwritten."""
        kept = samples[-self.capacity :]
        self._write(self.end + len(samples) - len(kept), kept)
        self.end += len(samples)

    def append_gap(self, count: int) -> None:
        """Append `count` ≥ 0 lost samples as zeros."""
        self.append_zeros(count)
        self.gap_samples += count

    def append_zeros(self, count: int) -> None:
        """Append `count` ≥ 0 zeros that are no loss (the time a station was paused)."""
        if count < 0:
            raise ValueError(f"a gap cannot have {count} samples")
        kept = min(count, self.capacity)
        self._write(self.end + count - kept, np.zeros(kept, dtype=np.float32))
        self.end += count

    def read(self, start: int, stop: int) -> NDArray[np.float32]:
        """A copy of samples [start, stop), shape (stop - start,).

        Indexes below 0 read as zeros: before its first sample a station was silent.

        Raises:
            IndexError: the range is no longer, or not yet, in the ring, or ends before it starts.
        """
        oldest = self.start or start  # as long as nothing was overwritten, everything before is known to be silent
        if not oldest <= start <= stop <= self.end:
            raise IndexError(f"samples {start} to {stop} were asked for, the ring holds {self.start} to {self.end}")
        samples = np.zeros(stop - start, dtype=np.float32)
        first = max(start, 0)
        if first < stop:
            places = np.arange(first, stop) % self.capacity
            samples[first - start :] = self._samples[places]
        return samples

    def read_what_is_there(self, start: int, stop: int) -> NDArray[np.float32]:
        """The same, but samples that are no longer in the ring read as zeros."""
        kept = min(max(start, self.start), stop)
        return np.concatenate((np.zeros(kept - start, dtype=np.float32), self.read(kept, stop)))

    def _write(self, index: int, samples: NDArray[np.float32]) -> None:
        place = index % self.capacity
        head = min(len(samples), self.capacity - place)
        self._samples[place : place + head] = samples[:head]
        self._samples[: len(samples) - head] = samples[head:]
