"""Where one sound gave way to another, to fractions of a second, from the spectrogram's columns.

Networks look at ten seconds and notice a change some seconds late and dimly. Its place is found in the columns, which
are 23 ms apart: the sound before and the sound after each have a mean spectrum; along the line between the two, each
column lies nearer to one or to the other. A cut is a step of that, a blend a ramp, and the ramp that fits best says
where and how long. The line is Fisher's linear discriminant with a diagonal covariance (Fisher 1936).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE

Floats = NDArray[np.float64]

_POOLED = 4
"""Columns that are averaged into one frame of 93 ms: single columns scatter more than they tell."""

FRAME_S = _POOLED * HOP_LENGTH / SAMPLE_RATE
"""Seconds of one frame."""

_FLOOR_DB = 60.0
_LEAST_VARIANCE_DB2 = 9.0
"""Added to the variance of each bin, so that digital silence does not count without end."""

_SIDE_S = 8.0
_LEAST_SIDE_S = 2.0
_STEP_S = 0.1
_LENGTHS_S = (0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)
_LENGTH_PENALTY = 5e-4
"""Mean square that a ramp must fit better for each second that it is longer."""

_AS_GOOD = 1.4
"""Places whose misfit is at most so many times the least are as likely: the spread of these is the error."""

_ERROR_OF_LENGTH = 0.2
"""Error for each second of a blend, whose two sounds seldom change at the same pace."""

BLEND_S = 3.0
"""Ramps of at least this are blends. Shorter ones may be the last notes of a piece that was cut off."""


@dataclass(frozen=True, slots=True)
class Joint:
    """`at_s`: the middle of the change, in seconds; `error_s`: plus and minus; `length_s`: 0 for a cut."""

    at_s: float
    error_s: float
    length_s: float

    @property
    def is_blend(self) -> bool:
        """Whether both sounds were heard together for a while, from `at_s` - `length_s`/2 to `at_s` + `length_s`/2."""
        return self.length_s >= BLEND_S


def find_joint(levels: NDArray[np.floating], about_s: float, reach_s: float = 5.0) -> Joint | None:
    """The joint within `reach_s` of `about_s`, in seconds after the first column's start.

    `levels`: decibels, shape (bins, columns), at least 2 s on either side of `about_s`. None when there is less, or
    when the sounds before and after are too much alike to tell.

    Raises:
        ValueError: `levels` has another shape or holds NaN or infinity.
    """
    if levels.ndim != 2 or not np.isfinite(levels).all():
        raise ValueError(f"levels have shape {levels.shape}, expected (bins, columns) of finite decibels")
    frames = _frames(levels)
    times: Floats = (np.arange(frames.shape[1], dtype=np.float64) + 0.5) * FRAME_S
    first = _fitted(frames, times, about_s, reach_s, margin_s=reach_s)
    if first is None:
        return None
    # Once more about what was found: the sides now begin where the ramp ends.
    nearer = _fitted(frames, times, first.at_s, 0.6 * reach_s, margin_s=max(_LEAST_SIDE_S, first.length_s / 2 + 0.5))
    return nearer or first


def _frames(levels: NDArray[np.floating]) -> Floats:
    heard = np.maximum(levels - levels.max(initial=-np.inf), -_FLOOR_DB)
    count = heard.shape[1] // _POOLED
    pooled: Floats = heard[:, : count * _POOLED].reshape(len(heard), count, _POOLED).mean(axis=2, dtype=np.float64)
    return pooled


def _fitted(frames: Floats, times: Floats, about_s: float, reach_s: float, margin_s: float) -> Joint | None:
    margin_s = min(margin_s, about_s - _LEAST_SIDE_S, float(times[-1:].sum()) - about_s - _LEAST_SIDE_S)
    if margin_s < 0:
        return None
    before = frames[:, (times < about_s - margin_s) & (times > about_s - margin_s - _SIDE_S)]
    after = frames[:, (times > about_s + margin_s) & (times < about_s + margin_s + _SIDE_S)]
    near = np.abs(times - about_s) < margin_s + _SIDE_S
    share = _share_of_the_new(frames[:, near], before, after)
    if share is None:
        return None
    places = np.arange(about_s - reach_s, about_s + reach_s + _STEP_S / 2, _STEP_S)
    misfits = np.stack([_misfits(share, times[near], places, length) for length in _LENGTHS_S])
    length, place = np.unravel_index(int(misfits.argmin()), misfits.shape)
    likely = places[(misfits <= misfits.min() * _AS_GOOD).any(axis=0)]
    length_s = _LENGTHS_S[int(length)]
    error_s = max(float(np.abs(likely - places[place]).max()), FRAME_S, _ERROR_OF_LENGTH * length_s)
    return Joint(float(places[place]), error_s, length_s)


def _share_of_the_new(frames: Floats, before: Floats, after: Floats) -> Floats | None:
    """0 for what sounds as before, 1 for what sounds as after, for each frame; None when both sound alike."""
    difference = after.mean(axis=1) - before.mean(axis=1)
    weights = difference / (before.var(axis=1) + after.var(axis=1) + _LEAST_VARIANCE_DB2)
    distance = float(weights @ difference)
    if distance <= 0.0:
        return None
    share: Floats = (weights @ (frames - before.mean(axis=1, keepdims=True))) / distance
    return np.clip(share, -0.5, 1.5)


def _misfits(share: Floats, times: Floats, places: Floats, length_s: float) -> Floats:
    """Mean squares between the shares and a ramp of this length at each place."""
    ramps = np.clip((times - places[:, None]) / max(length_s, _STEP_S) + 0.5, 0.0, 1.0)
    misfits: Floats = ((share - ramps) ** 2).mean(axis=1) + _LENGTH_PENALTY * length_s
    return misfits
