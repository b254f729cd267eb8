"""From samples of any rate, layout and sample format to mono float32 at 22,050 Hz."""

import av
import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusic_stream.level import is_sound

_SCALES = {"u1": (128.0, 128.0), "i2": (0.0, 2.0**15), "i4": (0.0, 2.0**31), "f4": (0.0, 1.0), "f8": (0.0, 1.0)}
"""The value of silence and of full scale, by numpy's name of the sample type."""


def mean_of_channels(frame: av.AudioFrame) -> NDArray[np.float32]:
    """The mean of a decoded frame's channels, full scale ±1; shape (frame.samples,).

    The networks were trained on the mean of the channels; libswresample's own downmix weighs centre and surround
    channels differently and drops the low-frequency one.
    """
    values = frame.to_ndarray()  # planar: (channels, samples); packed: (1, samples · channels)
    if not frame.format.is_planar:
        values = values.reshape(-1, frame.layout.nb_channels).T
    zero, full_scale = _SCALES[values.dtype.str[1:]]
    mean: NDArray[np.float64] = values.mean(axis=0, dtype=np.float64)
    return ((mean - zero) / full_scale).astype(np.float32)


class Resampler:
    """Resamples a mono stream whose rate may change on the way; it keeps the filter's state between calls."""

    def __init__(self) -> None:
        self._rate = 0
        self._resampler: av.AudioResampler | None = None

    def feed(self, samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
        """`samples`, shape (n,), at `rate` Hz; returns what is ready at 22,050 Hz, shape (m,), m may be 0."""
        tail = self.flush() if rate != self._rate else np.empty(0, np.float32)
        if self._resampler is None:
            self._rate = rate
            self._resampler = av.AudioResampler(format="flt", layout="mono", rate=SAMPLE_RATE)
        if not len(samples):
            return tail
        # A NaN that enters the filter would spoil its neighbours: it is counted by the caller, and silenced here.
        frame = av.AudioFrame.from_ndarray(np.where(is_sound(samples), samples, np.float32(0))[None, :], "flt", "mono")
        frame.sample_rate = rate
        return np.concatenate([tail, *_samples(self._resampler.resample(frame))])

    def flush(self) -> NDArray[np.float32]:
        """What the filter still holds; the next `feed` starts a new stream."""
        if self._resampler is None:
            return np.empty(0, np.float32)
        rest = [] if self._rate == SAMPLE_RATE else _samples(self._resampler.resample(None))
        self._resampler = None
        self._rate = 0
        return np.concatenate([np.empty(0, np.float32), *rest])


def _samples(frames: list[av.AudioFrame]) -> list[NDArray[np.float32]]:
    return [np.asarray(frame.to_ndarray()[0], np.float32) for frame in frames if frame is not None]
