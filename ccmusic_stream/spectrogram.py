"""CQT and Mel columns: the whole transform for a clip, and the same columns computed once each for a stream.

Column k is centred on sample 512·k. CQT (nnAudio's CQT1992v2, magnitude): 84 bins from C1 = 32.703 Hz, 12 to an
octave, kernels of 16,384 samples. Mel (torchaudio, power): 128 HTK bands from 0 to 11,025 Hz, n_fft 2048, Hann.
"""

from typing import cast

import torch
import torchaudio
from nnAudio.features.cqt import CQT1992v2
from torch import Tensor

from ccmusic_stream.geometry import (
    BINS,
    CQT_BINS,
    CQT_BINS_PER_OCTAVE,
    CQT_FMIN_HZ,
    HOP_LENGTH,
    KERNELS,
    MEL_BINS,
    MEL_FFT,
    SAMPLE_RATE,
    WINDOW_COLUMNS,
    Spectrogram,
)


class Transforms(torch.nn.Module):
    """Both transforms, on one device. `centre` pads by half a kernel (reflection, as both libraries do by default)."""

    def __init__(self, *, centre: bool) -> None:
        super().__init__()
        self.cqt = CQT1992v2(
            sr=SAMPLE_RATE,
            hop_length=HOP_LENGTH,
            fmin=CQT_FMIN_HZ,
            n_bins=CQT_BINS,
            bins_per_octave=CQT_BINS_PER_OCTAVE,
            center=centre,
            output_format="Magnitude",
            verbose=False,
        )
        self.mel = torchaudio.transforms.MelSpectrogram(
            sample_rate=SAMPLE_RATE, n_fft=MEL_FFT, hop_length=HOP_LENGTH, n_mels=MEL_BINS, center=centre, power=2.0
        )

    def columns(self, kind: Spectrogram, samples: Tensor) -> Tensor:
        """Columns of `samples`, shape (n,) float32 → (bins, columns): CQT magnitude or Mel power, ≥ 0."""
        if kind == "cqt":
            return cast("Tensor", self.cqt(samples.unsqueeze(0)))[0]  # (84, columns)
        return cast("Tensor", self.mel(samples))  # (128, columns)


class StreamingColumns:
    """The newest 431 columns of one station's stream, each computed once.

    The kept context of each transform is its kernel less one hop length, so that kernel positions on
    [context + new samples] are exactly the new columns. Before its first sample a stream was silent (zeros).
    """

    def __init__(self, transforms: Transforms, device: torch.device) -> None:
        self._transforms = transforms
        self.windows: dict[Spectrogram, Tensor] = {
            kind: torch.zeros(bins, WINDOW_COLUMNS, device=device) for kind, bins in BINS.items()
        }
        self._contexts: dict[Spectrogram, Tensor] = {
            kind: torch.zeros(length - HOP_LENGTH, device=device) for kind, length in KERNELS.items()
        }

    def reset(self) -> None:
        """Forget the stream: everything before the next sample counts as zeros."""
        for tensor in (*self.windows.values(), *self._contexts.values()):
            tensor.zero_()

    def push(self, samples: Tensor) -> dict[Spectrogram, Tensor]:
        """Take a whole number of columns' samples, shape (512·n,); gives the n new columns of each spectrogram.

        The newest of them is centred `LAG_COLUMNS` columns before the end of `samples`.

        Raises:
            ValueError: the length is not a positive multiple of 512.
        """
        if len(samples) == 0 or len(samples) % HOP_LENGTH:
            raise ValueError(f"a hop must be a positive multiple of {HOP_LENGTH} samples, this one has {len(samples)}")
        return {kind: self._advance(kind, samples) for kind in BINS}

    def _advance(self, kind: Spectrogram, samples: Tensor) -> Tensor:
        context, window = self._contexts[kind], self.windows[kind]
        heard = torch.cat((context, samples))
        columns = self._transforms.columns(kind, heard)  # (bins, len(samples) / 512)
        context.copy_(heard[-len(context) :])
        kept = max(0, WINDOW_COLUMNS - columns.shape[1])
        window[:, :kept] = window[:, WINDOW_COLUMNS - kept :].clone()
        window[:, kept:] = columns[:, -WINDOW_COLUMNS:]
        return columns
