"""The offline ways: a clip of a recording as the article takes it, and a slice as upstream's demo takes it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ccmusic_stream.classifier import Classifier
from ccmusic_stream.errors import AudioError
from ccmusic_stream.geometry import (
    CCMUSIC_WINDOW_COLUMNS,
    HOP_LENGTH,
    KERNELS,
    KIND_OF,
    SAMPLE_RATE,
    TransformName,
    transform_of,
)
from ccmusic_stream.picture import FLOOR_DB, decibels
from ccmusic_stream.spectrogram import SHOWN, Transforms
from ccmusic_stream.votes import Vote

CLIP_SAMPLES = 10 * SAMPLE_RATE

HIGH_BINS = 32

_PIECE_COLUMNS = 2_048
"""Columns of a long recording that are computed at once: about 48 s."""


def clip_windows(
    samples: NDArray[np.float32], transforms: Transforms, device: torch.device, names: Iterable[TransformName] = SHOWN
) -> dict[TransformName, Tensor]:
    """The article's centred transforms of a clip, shape (n,) → (1, bins, 431) each; repeated from its start if short.

    Raises:
        AudioError: there is no sample.
    """
    _refuse_nothing(samples)
    looped = np.resize(samples[:CLIP_SAMPLES], (1, CLIP_SAMPLES))
    with torch.inference_mode():
        return {name: transforms.columns(name, torch.from_numpy(looped).to(device)) for name in names}


class Slices:
    """Slices of one recording as upstream's demo makes them: 490 columns (11.4 s) of the whole recording's transform.

    `transforms` must not pad. A recording that is shorter is repeated from its start, where upstream gives nothing.
    The whole is looked through at once, or, unless `measured`, piece by piece by who runs through `measure`.
    """

    def __init__(
        self,
        samples: NDArray[np.float32],
        transforms: Transforms,
        device: torch.device,
        names: Iterable[TransformName],
        *,
        measured: bool = True,
    ) -> None:
        _refuse_nothing(samples)
        least = CCMUSIC_WINDOW_COLUMNS * HOP_LENGTH
        self._samples = samples if len(samples) >= least else np.resize(samples, least)
        self._transforms = transforms
        self._device = device
        self._floors = dict.fromkeys(names, 0.0)
        if measured:
            for _ in self.measure():
                pass

    def measure(self) -> Iterator[None]:
        """Find how loud the whole recording is, in steps of 48 s of one transform."""
        for name in self._floors:
            loudest = 0.0
            for first in range(0, self._count, _PIECE_COLUMNS):
                count = min(_PIECE_COLUMNS, self._count - first)
                loudest = max(loudest, float(self._columns(name, first, count).max()))
                yield
            self._floors[name] = loudest * 10 ** (-FLOOR_DB / (20 if KIND_OF[name] == "cqt" else 10))

    def around(self, sample: int) -> Mapping[TransformName, Tensor]:
        """The slice whose middle is `sample`, moved to where the recording has it wholly: (1, bins, 490) each.

        What lies 80 dB below the whole recording's maximum, and lower, is at that floor.
        """
        first = self.first_column(sample)
        return {
            name: self._columns(name, first, CCMUSIC_WINDOW_COLUMNS).clamp_min(floor).unsqueeze(0)
            for name, floor in self._floors.items()
        }

    def first_column(self, sample: int) -> int:
        """The first column of that slice, counted from the recording's start."""
        last = self._count - CCMUSIC_WINDOW_COLUMNS
        return min(max(sample // HOP_LENGTH - CCMUSIC_WINDOW_COLUMNS // 2, 0), last)

    @property
    def _count(self) -> int:
        """Columns of the whole recording, as a centred transform gives them."""
        return len(self._samples) // HOP_LENGTH + 1

    def _columns(self, name: TransformName, first: int, count: int) -> Tensor:
        """Columns [first, first + count) of the whole, shape (bins, count); beyond its ends there are zeros."""
        half = KERNELS[KIND_OF[name]] // 2
        start, stop = first * HOP_LENGTH - half, (first + count - 1) * HOP_LENGTH + half
        inside = self._samples[max(start, 0) : stop]
        samples = np.pad(inside, (max(-start, 0), max(stop - len(self._samples), 0)))
        with torch.inference_mode():
            return self._transforms.columns(name, torch.from_numpy(samples).to(self._device))


def high_bands_db(mel: Tensor) -> float:
    """The loudest cell of the highest quarter of the Mel bands (above about 5 kHz) below the loudest of all, in dB."""
    levels = decibels("mel", mel)
    return float((levels[-HIGH_BINS:] - levels.max()).max())


@dataclass(frozen=True, slots=True)
class ClipVotes:
    """The votes on the clip that begins at sample `start`, by model.

    `windows` are what they are of, shape (1, bins, columns) each; those of upstream begin at `sliced_from` (sample).
    """

    start: int
    votes: Mapping[str, Vote]
    windows: Mapping[TransformName, Tensor]
    sliced_from: int


class ClipVoter:
    """Has models look at clips of recordings, the article's way, or upstream's where a profile wants it."""

    def __init__(self, classifier: Classifier, device: torch.device) -> None:
        self._classifier = classifier
        self._device = device
        wanted = {transform_of(*key) for key in classifier.pictures}
        self._upstream = sorted(wanted - set(SHOWN))
        self._centred = Transforms(centre=True).to(device)
        self._uncentred = Transforms(centre=False).to(device)

    def votes(self, samples: NDArray[np.float32], starts: Sequence[int]) -> Iterator[ClipVotes | None]:
        """The votes on the clips of a recording, shape (n,), that begin at `starts`, one after another.

        Between them comes None wherever some work was done of which there is nothing to tell yet: whoever has other
        things to do can do them there.

        Raises:
            AudioError: there is no sample.
        """
        slices = Slices(samples, self._uncentred, self._device, self._upstream, measured=False)
        for _ in slices.measure():
            yield None
        for start in starts:
            middle = start + CLIP_SAMPLES // 2
            windows = clip_windows(samples[start : start + CLIP_SAMPLES], self._centred, self._device)
            windows |= slices.around(middle)
            votes = self._classifier.votes(windows)[0]
            yield ClipVotes(start, votes, windows, slices.first_column(middle) * HOP_LENGTH)


def clip_starts(samples: int, which: str) -> list[int]:
    """First samples of the 10 s clips of a recording: "first", "centre", or "all" (end to end, a rest kept if ≥ 5 s).

    Raises:
        ValueError: another word.
    """
    match which:
        case "first":
            return [0]
        case "centre":
            return [max(0, samples - CLIP_SAMPLES) // 2]
        case "all":
            last = max(0, samples - CLIP_SAMPLES // 2)
            return list(range(0, last + 1, CLIP_SAMPLES))
        case _:
            raise ValueError(f"clip must be first, centre or all, not {which!r}")


def _refuse_nothing(samples: NDArray[np.float32]) -> None:
    if len(samples) == 0:
        raise AudioError("there is no sound in it: 0 samples")
