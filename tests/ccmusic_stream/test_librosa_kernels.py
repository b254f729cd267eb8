"""The kernels against librosa's own transform of the same sound."""

import librosa
import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ccmusic_stream.geometry import CQT_KERNEL, HOP_LENGTH, SAMPLE_RATE
from ccmusic_stream.librosa_kernels import librosa_cqt_kernels

SECONDS = 6


def sounds() -> dict[str, NDArray[np.float32]]:
    """Each of 6 s at 22,050 Hz: a rising tone over quiet noise, clicks, and held notes whose neighbours are silent."""
    time_s = np.arange(SECONDS * SAMPLE_RATE) / SAMPLE_RATE
    noise = np.random.default_rng(0).standard_normal(len(time_s))
    rising_hz = 30 * 2 ** (8 * time_s / SECONDS)
    rising = 0.3 * np.sin(2 * np.pi * np.cumsum(rising_hz) / SAMPLE_RATE) + 1e-3 * noise
    clicks = np.zeros(len(time_s))
    clicks[::9_001] = 1.0
    held = sum(np.sin(2 * np.pi * hertz * time_s) for hertz in (55.0, 261.63, 1_318.5)) * np.minimum(1, time_s)
    return {name: np.asarray(s, np.float32) for name, s in (("rising", rising), ("clicks", clicks), ("held", held))}


def magnitudes(sound: NDArray[np.float32], kernels: NDArray[np.complex64]) -> NDArray[np.float32]:
    """Column k is centred on sample 512·k, zeros before and after the sound: (84, columns)."""
    frames = sliding_window_view(np.pad(sound, CQT_KERNEL // 2), CQT_KERNEL)[::HOP_LENGTH]
    return np.abs(kernels @ frames.T.astype(np.complex64)).astype(np.float32)


@pytest.mark.parametrize("sound", sounds().values(), ids=sounds())
def test_columns_are_those_of_librosa(sound: NDArray[np.float32]) -> None:
    theirs = np.abs(librosa.cqt(sound, sr=SAMPLE_RATE))
    ours = magnitudes(sound, librosa_cqt_kernels())
    assert ours.shape == theirs.shape
    # Where the sound begins and ends, the filter of librosa's rate halving is heard.
    ours, theirs = ours[:, 17:-17], theirs[:, 17:-17]
    assert np.abs(ours - theirs).max() < 3e-4 * theirs.max()
    in_db = librosa.amplitude_to_db(ours, ref=np.max) - librosa.amplitude_to_db(theirs, ref=np.max)
    assert np.abs(in_db).mean() < 0.1


def test_a_kernel_is_zero_outside_the_samples_that_it_says() -> None:
    kernels = librosa_cqt_kernels()
    assert kernels.shape == (84, CQT_KERNEL)
    assert kernels.dtype == np.complex64
    for bin_, kernel in enumerate(kernels):
        used = np.flatnonzero(kernel)
        half = 256 * 2 ** (6 - bin_ // 12) // 2
        assert CQT_KERNEL // 2 - half <= used[0] <= used[-1] < CQT_KERNEL // 2 + half, bin_
