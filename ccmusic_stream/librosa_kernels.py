"""The kernels of librosa's constant-Q transform at the rate of the sound, for the profile `ccmusic`.

librosa (0.11) halves the sample rate from octave to octave and uses at every rate kernels of 256 samples: for the
frequency f = C1·2^(k/12) a phasor under a periodic Hann window of Q/f seconds, where Q = (r² + 1) / (r² − 1) and
r = 2^(1/12), normalised to a sum of magnitudes of 1, of whose spectrum the negative frequencies and the weakest 1 % are
dropped. The result is scaled by the square root of the window's length in samples (`librosa.filters.wavelet`,
`librosa.core.constantq.vqt`; Schörkhuber and Klapuri 2010, Brown and Puckette 1992).

A kernel at a low rate is here one at the full rate with the same spectrum. What then still differs from `librosa.cqt`
is the filter of its rate halving: 0.002 to 0.02 dB on average on real music, down to 80 dB below the maximum. The same
formula without its rounding of lengths to the octave's rate and without the dropped 1 % differs by 0.12 to 0.40 dB,
nnAudio's kernels (Q = 1 / (r − 1)) by 0.29 to 0.67 dB.
"""

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.geometry import CQT_BINS, CQT_BINS_PER_OCTAVE, CQT_KERNEL, SAMPLE_RATE

_C1_HZ = 440.0 * 2.0 ** (-45 / 12)
_LENGTH = 256
"""Samples under a kernel at its octave's rate: the power of two above the longest window of an octave."""

_DROPPED = 0.01
"""librosa's `sparsity`: the share of a spectrum's sum of magnitudes that its weakest frequencies may hold."""


def librosa_cqt_kernels() -> NDArray[np.complex64]:
    """Kernels of shape (84, 16384); the magnitude of bin b in column k is |Σ sound[512·k - 8192 + n] · kernel[b, n]|.

    They are exactly zero outside their middle 256, 512 … 16384 samples (highest octave first).
    """
    ratio = 2.0 ** (1 / CQT_BINS_PER_OCTAVE)
    quality = (ratio**2 + 1) / (ratio**2 - 1)
    octaves = CQT_BINS // CQT_BINS_PER_OCTAVE
    kernels = np.zeros((CQT_BINS, CQT_KERNEL), np.complex64)
    for bin_ in range(CQT_BINS):
        hertz = _C1_HZ * 2.0 ** (bin_ / CQT_BINS_PER_OCTAVE)
        seconds = quality / hertz
        halved = 2 ** (octaves - 1 - bin_ // CQT_BINS_PER_OCTAVE)
        spectrum = _spectrum(hertz, seconds, SAMPLE_RATE / halved)
        kernel = np.fft.ifft(spectrum, _LENGTH * halved)  # more samples of the same sum of phasors
        # A product of spectra is a sum over reversed time; sample 0 of the kernel stays where it is.
        kernel = np.roll(kernel[::-1], 1)
        start = (CQT_KERNEL - len(kernel)) // 2
        kernels[bin_, start : start + len(kernel)] = kernel * np.sqrt(seconds * SAMPLE_RATE)
    return kernels


def _spectrum(hertz: float, seconds: float, rate: float) -> NDArray[np.complex128]:
    """Frequencies 0 to half of `rate` of the kernel that librosa makes there, shape (129,)."""
    samples = np.arange(-seconds * rate // 2, seconds * rate // 2)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(len(samples)) / len(samples))
    kernel = np.zeros(_LENGTH, np.complex128)
    start = (_LENGTH - len(samples)) // 2
    kernel[start : start + len(samples)] = hann / hann.sum() * np.exp(2j * np.pi * hertz / rate * samples)
    spectrum: NDArray[np.complex128] = np.fft.fft(kernel)[: _LENGTH // 2 + 1]
    ascending = np.sort(np.abs(spectrum))
    least = ascending[np.searchsorted(ascending.cumsum(), _DROPPED * ascending.sum())]
    return np.where(np.abs(spectrum) >= least, spectrum, 0)
