"""CQT and Mel columns: the whole transform for a clip, and the same columns computed once each for streams.

Column k is centred on sample 512·k. CQT (magnitude): 84 bins from C1 = 32.703 Hz, 12 to an octave, kernels of up to
16,384 samples; `cqt` has those of nnAudio's CQT1992v2, `cqt_librosa` those of librosa. Mel (power): 128 bands from 0 to
11,025 Hz, n_fft 2048, Hann; `mel` has torchaudio's default HTK bands, `mel_librosa` librosa's Slaney bands.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

import torch
import torchaudio
from nnAudio.features.cqt import CQT1992v2
from torch import Tensor
from torch.nn import functional

from ccmusic_stream.geometry import (
    BINS,
    CQT_BINS,
    CQT_BINS_PER_OCTAVE,
    CQT_FMIN_HZ,
    CQT_KERNEL,
    HOP_LENGTH,
    KERNELS,
    KIND_OF,
    MEL_BINS,
    MEL_FFT,
    SAMPLE_RATE,
    WINDOW_COLUMNS,
    TransformName,
)
from ccmusic_stream.librosa_kernels import librosa_cqt_kernels

SHOWN: tuple[TransformName, ...] = ("cqt", "mel")
"""Transforms whose columns people are shown, whatever the networks look at."""

_SHORTEST_KERNEL = 1_024
"""Kernels shorter than this are multiplied with their zeros: smaller products would not be quicker."""


class KernelBank(torch.nn.Module):
    """Magnitudes of the inner products of frames with complex kernels, shape (bins, length), each centred in it.

    High notes have short kernels, the rest of their rows is zeros. Bins are grouped by the power of two that holds
    them, and each group is one matrix product with frames of its own length: a quarter of the multiplications.
    `centre` pads sound by half a kernel of zeros on either side before.
    """

    def __init__(self, kernels: Tensor, *, centre: bool) -> None:
        super().__init__()
        self.length = kernels.shape[1]
        self._centre = centre
        self._offsets: list[int] = []
        for bins in _groups(kernels):
            length = _holding(kernels[bins])
            offset = (self.length - length) // 2
            part = kernels[bins, offset : offset + length]  # (bins, length)
            weights = torch.stack((part.real, part.imag), dim=1).flatten(0, 1).T  # (length, 2 · bins)
            self.register_buffer(f"weights_{len(self._offsets)}", weights.contiguous(), persistent=False)
            self._offsets.append(offset)

    def forward(self, samples: Tensor) -> Tensor:
        """Shape (..., n) → (..., bins, columns)."""
        if self._centre:
            samples = functional.pad(samples, (self.length // 2, self.length // 2))
        columns = (samples.shape[-1] - self.length) // HOP_LENGTH + 1
        parts = []
        for group, offset in enumerate(self._offsets):
            weights = self.get_buffer(f"weights_{group}")
            length = weights.shape[0]
            reach = samples[..., offset : offset + length + (columns - 1) * HOP_LENGTH]
            products = reach.unfold(-1, length, HOP_LENGTH) @ weights  # (..., columns, 2 · bins)
            parts.append(torch.linalg.vector_norm(products.reshape(*products.shape[:-1], -1, 2), dim=-1))
        return torch.cat(parts, dim=-1).transpose(-1, -2)


class Transforms(torch.nn.Module):
    """All transforms, on one device. `centre` pads sound by half a kernel on either side, as each library does.

    Centred, `cqt` is nnAudio's own, for the article's pictures to the byte: the last bit of a magnitude decides now and
    then which of two levels a pixel has.
    """

    def __init__(self, *, centre: bool) -> None:
        super().__init__()
        self.cqt = _NnAudio() if centre else KernelBank(nnaudio_kernels(), centre=False)
        self.mel = _mel(centre=centre, pad_mode="reflect", mel_scale="htk", norm=None)
        self.cqt_librosa = KernelBank(torch.from_numpy(librosa_cqt_kernels()), centre=centre)
        self.mel_librosa = _mel(centre=centre, pad_mode="constant", mel_scale="slaney", norm="slaney")

    def columns(self, name: TransformName, samples: Tensor) -> Tensor:
        """Columns of `samples`, shape (..., n) float32 → (..., bins, columns): CQT magnitude or Mel power, ≥ 0."""
        transform = cast("Callable[[Tensor], Tensor]", getattr(self, name))
        return transform(samples)


class StreamingColumns:
    """The newest columns of several stations' streams, each computed once: a window for each transform.

    Stations have slots, counted from 0. The context that is kept of each is the longest kernel less one hop length, so
    that kernel positions on [context + new samples] are exactly the new columns. Before its first sample a stream was
    silent (zeros).
    """

    def __init__(
        self,
        transforms: Transforms,
        device: torch.device,
        *,
        names: Iterable[TransformName] = SHOWN,
        columns: int = WINDOW_COLUMNS,
        stations: int = 1,
    ) -> None:
        self._transforms = transforms
        self._windows: dict[TransformName, Tensor] = {
            name: torch.zeros(0, BINS[KIND_OF[name]], columns, device=device) for name in names
        }
        self._contexts = torch.zeros(0, CQT_KERNEL - HOP_LENGTH, device=device)
        self.grow(stations)

    @property
    def stations(self) -> int:
        """How many slots there are."""
        return len(self._contexts)

    @torch.inference_mode()
    def grow(self, stations: int) -> None:
        """Make slots for at least so many stations; those that are there stay as they are."""
        more = max(0, stations - self.stations)
        self._contexts = functional.pad(self._contexts, (0, 0, 0, more))
        self._windows = {name: functional.pad(window, (0, 0, 0, 0, 0, more)) for name, window in self._windows.items()}

    def windows(self, slots: Sequence[int] = (0,)) -> Mapping[TransformName, Tensor]:
        """The windows of some stations, shape (slots, bins, columns) each, the newest column last; not to be changed.

        They are good until the next `push`.
        """
        index = _index(slots)
        return {name: window[index] for name, window in self._windows.items()}

    @torch.inference_mode()
    def reset(self, slot: int) -> None:
        """Forget a stream: everything before its next sample counts as zeros."""
        for tensor in (*self._windows.values(), self._contexts):
            tensor[slot].zero_()

    @torch.inference_mode()
    def push(self, samples: Tensor, slots: Sequence[int] = (0,)) -> dict[TransformName, Tensor]:
        """Take a whole number of columns' samples, shape (slots, 512·n); gives each transform's n new columns.

        Shape (slots, bins, n). The newest of them is centred `LAG_COLUMNS` columns before the end of `samples`.

        Raises:
            ValueError: the length is not a positive multiple of 512.
        """
        count = samples.shape[1]
        if count == 0 or count % HOP_LENGTH:
            raise ValueError(f"a hop must be a positive multiple of {HOP_LENGTH} samples, this one has {count}")
        index = _index(slots)
        heard = torch.cat((self._contexts[index], samples), dim=1)
        self._contexts[index] = heard[:, -self._contexts.shape[1] :]
        return {name: self._advance(name, index, heard) for name in self._windows}

    def _advance(self, name: TransformName, index: slice | list[int], heard: Tensor) -> Tensor:
        new = self._transforms.columns(name, heard[:, CQT_KERNEL - KERNELS[KIND_OF[name]] :])  # (slots, bins, n)
        window = self._windows[name]
        kept = max(0, window.shape[2] - new.shape[2])
        window[index] = torch.cat((window[index][:, :, window.shape[2] - kept :], new[:, :, -window.shape[2] :]), dim=2)
        return new


def _mel(*, centre: bool, pad_mode: str, mel_scale: str, norm: str | None) -> torch.nn.Module:
    transform: torch.nn.Module = torchaudio.transforms.MelSpectrogram(
        sample_rate=SAMPLE_RATE,
        n_fft=MEL_FFT,
        hop_length=HOP_LENGTH,
        n_mels=MEL_BINS,
        center=centre,
        pad_mode=pad_mode,
        power=2.0,
        mel_scale=mel_scale,
        norm=norm,
    )
    return transform


class _NnAudio(torch.nn.Module):
    """nnAudio's transform as it comes, padded by reflection."""

    def __init__(self) -> None:
        super().__init__()
        self._transform = _nnaudio()

    def forward(self, samples: Tensor) -> Tensor:
        """Shape (..., n) → (..., bins, columns)."""
        flat = samples.reshape(-1, samples.shape[-1])
        columns: Tensor = self._transform(flat, output_format="Magnitude")
        return columns.reshape(*samples.shape[:-1], *columns.shape[1:])


def nnaudio_kernels() -> Tensor:
    """The kernels of nnAudio's CQT1992v2, its scaling by the square root of their lengths included: (84, 16,384)."""
    cqt = _nnaudio()
    kernels = torch.complex(cqt.cqt_kernels_real[:, 0], cqt.cqt_kernels_imag[:, 0])
    return kernels * torch.sqrt(cqt.lenghts).unsqueeze(1)


def _nnaudio() -> CQT1992v2:
    return CQT1992v2(
        sr=SAMPLE_RATE,
        hop_length=HOP_LENGTH,
        fmin=CQT_FMIN_HZ,
        n_bins=CQT_BINS,
        bins_per_octave=CQT_BINS_PER_OCTAVE,
        verbose=False,
    )


def _groups(kernels: Tensor) -> list[slice]:
    """Runs of bins whose kernels need the same power of two."""
    lengths = [_holding(kernel) for kernel in kernels]
    starts = [bin_ for bin_, length in enumerate(lengths) if bin_ == 0 or length != lengths[bin_ - 1]]
    return [slice(start, stop) for start, stop in zip(starts, [*starts[1:], len(lengths)], strict=True)]


def _holding(kernels: Tensor) -> int:
    """The least power of two, and at least `_SHORTEST_KERNEL`, that holds all that is not zero about the middle."""
    middle = kernels.shape[-1] // 2
    places = kernels.reshape(-1, kernels.shape[-1]).abs().amax(dim=0).nonzero()
    reach = int(max(middle - places.min(), places.max() + 1 - middle))
    return max(1 << (2 * reach - 1).bit_length(), _SHORTEST_KERNEL)


def _index(slots: Sequence[int]) -> slice | list[int]:
    """A slice where the slots follow each other, which copies nothing."""
    first = slots[0]
    follow = all(slot == first + place for place, slot in enumerate(slots))
    return slice(first, first + len(slots)) if follow else list(slots)
