"""From blocks of any size, with gaps, through the ring to columns: those of the whole recording's transform, each once.

Relative error: at most 1e-4 of each value, and 1e-6 of the greatest where a value is next to nothing.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
import torchaudio
from nnAudio.features.cqt import CQT1992v2
from numpy.typing import NDArray
from torch import Tensor

from ccmusic_stream.geometry import HOP_LENGTH, KERNELS, LAG_COLUMNS, SAMPLE_RATE, Spectrogram
from ccmusic_stream.ring import AudioRing
from ccmusic_stream.spectrogram import StreamingColumns, Transforms

KINDS: tuple[Spectrogram, ...] = ("cqt", "mel")
HOP = 43 * HOP_LENGTH


@pytest.fixture(scope="module")
def transforms() -> Iterator[Transforms]:
    with torch.inference_mode():
        yield Transforms(centre=False)


@pytest.fixture(scope="module")
def libraries() -> Iterator[dict[Spectrogram, torch.nn.Module]]:
    """nnAudio's CQT and torchaudio's Mel, with their own defaults but for the padding."""
    with torch.inference_mode():
        yield {
            "cqt": CQT1992v2(
                sr=22050, hop_length=512, fmin=32.703, n_bins=84, bins_per_octave=12, center=False, verbose=False
            ),
            "mel": torchaudio.transforms.MelSpectrogram(
                sample_rate=22050, n_fft=2048, hop_length=512, n_mels=128, center=False
            ),
        }


def recording(seconds: float, seed: int) -> NDArray[np.float32]:
    """Notes that change four times a second, under a beat, at levels from loud to very quiet."""
    random = np.random.default_rng(seed)
    count = int(seconds * SAMPLE_RATE)
    notes = 55.0 * 2 ** (random.integers(0, 60, count * 4 // SAMPLE_RATE + 1) / 12)
    phase = np.cumsum(np.repeat(notes, SAMPLE_RATE // 4 + 1)[:count]) / SAMPLE_RATE
    sound = np.sin(2 * np.pi * phase) + 0.05 * random.standard_normal(count)
    return (sound * np.repeat(10 ** random.uniform(-3, 0, int(seconds) + 1), SAMPLE_RATE)[:count]).astype(np.float32)


class Stream:
    """What a station does: blocks go into a ring, whole hops of it through the transforms."""

    def __init__(self, transforms: Transforms) -> None:
        self.ring = AudioRing()
        self._streaming = StreamingColumns(transforms, torch.device("cpu"))
        self._hops: list[dict[Spectrogram, Tensor]] = []

    def sound(self, block: NDArray[np.float32]) -> None:
        self.ring.append(block)
        self._advance()

    def gap(self, samples: int) -> None:
        self.ring.append_gap(samples)
        self._advance()

    def _advance(self) -> None:
        while self.ring.end >= (len(self._hops) + 1) * HOP:
            start = len(self._hops) * HOP
            new = self._streaming.push(torch.from_numpy(self.ring.read(start, start + HOP))[None])
            self._hops.append({kind: new[kind][0] for kind in KINDS})

    def columns(self, kind: Spectrogram) -> Tensor:
        """All columns so far; column 0 is centred on sample 0."""
        return torch.cat([hop[kind] for hop in self._hops], dim=1)[:, LAG_COLUMNS[kind] - 1 :]


def whole(library: torch.nn.Module, kind: Spectrogram, sound: NDArray[np.float32], count: int) -> Tensor:
    """The library's transform of the whole recording, after the silence before it, minute by minute for memory."""
    half = KERNELS[kind] // 2
    padded = torch.from_numpy(np.pad(sound, (half, half)))
    parts = []
    for first in range(0, count, 2_584):
        last = min(first + 2_584, count)
        piece = padded[first * HOP_LENGTH : (last - 1) * HOP_LENGTH + 2 * half]
        parts.append(library(piece[None], output_format="Magnitude") if kind == "cqt" else library(piece[None]))
    return torch.cat(parts, dim=2)[0]


def assert_columns_are_the_whole_ones(
    stream: Stream, libraries: dict[Spectrogram, torch.nn.Module], sound: NDArray[np.float32]
) -> None:
    for kind in KINDS:
        streamed = stream.columns(kind)
        assert streamed.shape[1] == len(sound) // HOP * 43 - LAG_COLUMNS[kind] + 1  # each once, none missing
        expected = whole(libraries[kind], kind, sound, streamed.shape[1])
        torch.testing.assert_close(streamed, expected, rtol=1e-4, atol=1e-6 * float(expected.max()))


def blocks_of(sound: NDArray[np.float32], sizes: Sequence[int]) -> Iterator[NDArray[np.float32]]:
    place = number = 0
    while place < len(sound):
        size = sizes[number % len(sizes)]
        yield sound[place : place + size]
        place, number = place + size, number + 1


@pytest.mark.parametrize(
    "sizes",
    [(1,), (441,), (512,), (1_153,), (HOP,), (220_500,), (1, 17, 4_096, 100_003, 220_500)],
    ids=["1 sample", "20 ms", "a column", "1153", "a hop", "10 s", "mixed"],
)
def test_block_size_makes_no_difference(
    transforms: Transforms, libraries: dict[Spectrogram, torch.nn.Module], sizes: tuple[int, ...]
) -> None:
    sound = recording(21, seed=sum(sizes))
    stream = Stream(transforms)
    for block in blocks_of(sound, sizes):
        stream.sound(block)
    assert_columns_are_the_whole_ones(stream, libraries, sound)


@pytest.mark.parametrize("seed", range(3))
def test_gaps_are_silence_at_their_place(
    transforms: Transforms, libraries: dict[Spectrogram, torch.nn.Module], seed: int
) -> None:
    random = np.random.default_rng(seed)
    sound = recording(40, seed=50 + seed)
    heard = np.zeros(0, np.float32)
    stream = Stream(transforms)
    lost = 0
    for block in blocks_of(sound, (4_096, 30_011, 700)):
        gap = int(random.choice([0, 0, 1, 511, 512, 22_050, 90_001]))
        stream.gap(gap)
        stream.sound(block)
        heard = np.concatenate((heard, np.zeros(gap, np.float32), block))
        lost += gap
    assert stream.ring.gap_samples == lost > 0
    assert_columns_are_the_whole_ones(stream, libraries, heard)


def test_ten_minutes_are_as_exact_as_a_minute(
    transforms: Transforms, libraries: dict[Spectrogram, torch.nn.Module]
) -> None:
    minute = recording(61, seed=7)
    sound = np.concatenate([np.roll(minute, 997 * number) * (1 - number / 14) for number in range(10)])
    assert len(sound) > 600 * SAMPLE_RATE
    stream = Stream(transforms)
    for block in blocks_of(sound, (8_820, 5_003)):
        stream.sound(block)
    assert_columns_are_the_whole_ones(stream, libraries, sound)
