"""The article's clips, and upstream's slices of a whole recording."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ccmusic_stream.clip import CLIP_SAMPLES, Slices, clip_starts, clip_windows
from ccmusic_stream.errors import AudioError
from ccmusic_stream.geometry import (
    BINS,
    CCMUSIC_WINDOW_COLUMNS,
    HOP_LENGTH,
    KIND_OF,
    SAMPLE_RATE,
    WINDOW_COLUMNS,
    TransformName,
)
from ccmusic_stream.spectrogram import Transforms

CPU = torch.device("cpu")
NAMES: tuple[TransformName, ...] = ("cqt_librosa", "mel_librosa")


class Records(Transforms):
    """Keeps the clip that it is given instead of transforming it."""

    def __init__(self) -> None:
        super().__init__(centre=True)
        self.clips: list[Tensor] = []

    def columns(self, name: TransformName, samples: Tensor) -> Tensor:
        self.clips.append(samples)
        return torch.zeros(1, BINS[KIND_OF[name]], WINDOW_COLUMNS)


@pytest.mark.parametrize("samples", [1, 7, 100_000, CLIP_SAMPLES // 2, CLIP_SAMPLES - 1, CLIP_SAMPLES, 300_000])
def test_a_clip_is_looped_and_cut_as_in_the_article(samples: int) -> None:
    sound = np.random.default_rng(samples).uniform(-1, 1, samples).astype(np.float32)
    transforms = Records()
    clip_windows(sound, transforms, CPU)

    waveform = torch.from_numpy(sound.copy())[None]
    target_samples = 22050 * 10
    if waveform.size(1) < target_samples:
        waveform = torch.cat([waveform] * ((target_samples // waveform.size(1)) + 1), dim=1)
    waveform = waveform[:, :target_samples]
    assert transforms.clips
    for clip in transforms.clips:
        assert torch.equal(clip, waveform)
        assert clip.dtype == torch.float32


def test_a_clip_gives_both_windows_centred() -> None:
    sound = np.sin(2 * np.pi * 440 * np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    before = sound.copy()
    with torch.inference_mode():
        transforms = Transforms(centre=True)
    windows = clip_windows(sound, transforms, CPU)
    assert {kind: tuple(window.shape) for kind, window in windows.items()} == {
        "cqt": (1, 84, 431),
        "mel": (1, 128, 431),
    }
    assert set(windows["cqt"][0, :, 20:-20].argmax(dim=0).tolist()) == {45}  # A4
    np.testing.assert_array_equal(sound, before)


def test_no_sound_at_all_is_an_error_of_the_audio() -> None:
    with pytest.raises(AudioError, match="0 samples"):
        clip_windows(np.empty(0, np.float32), Records(), CPU)


TEN = CLIP_SAMPLES
FIVE = CLIP_SAMPLES // 2


@pytest.mark.parametrize(
    ("samples", "which", "starts"),
    [
        (TEN * 3 + 8, "first", [0]),
        (100, "first", [0]),
        (TEN * 3 + 8, "centre", [TEN + 4]),
        (TEN + 1, "centre", [0]),
        (TEN + 2, "centre", [1]),
        (TEN, "centre", [0]),
        (100, "centre", [0]),
        (0, "all", [0]),
        (100, "all", [0]),
        (FIVE - 1, "all", [0]),
        (TEN, "all", [0]),
        (TEN + 1, "all", [0]),
        (TEN + FIVE - 1, "all", [0]),
        (TEN + FIVE, "all", [0, TEN]),
        (2 * TEN, "all", [0, TEN]),
        (2 * TEN + FIVE - 1, "all", [0, TEN]),
        (2 * TEN + FIVE, "all", [0, TEN, 2 * TEN]),
        (3 * TEN, "all", [0, TEN, 2 * TEN]),
    ],
)
def test_where_the_clips_of_a_recording_start(samples: int, which: str, starts: list[int]) -> None:
    assert clip_starts(samples, which) == starts


@pytest.mark.parametrize("samples", [0, 100, 10 * TEN])
def test_refuses_another_word_for_a_clip_whatever_the_length(samples: int) -> None:
    with pytest.raises(ValueError, match="clip must be first, centre or all, not 'middle'"):
        clip_starts(samples, "middle")


def tune(seconds: float) -> NDArray[np.float32]:
    random = np.random.default_rng(3)
    time_s = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = np.sin(2 * np.pi * 220 * 2 ** (np.floor(time_s * 3) % 24 / 12) * time_s) * np.exp(-3 * (time_s * 3 % 1))
    return (sound + 1e-4 * random.standard_normal(len(sound))).astype(np.float32)


def slices(samples: NDArray[np.float32]) -> Slices:
    return Slices(samples, Transforms(centre=False), CPU, NAMES)


@pytest.mark.parametrize(
    ("middle", "first"), [(0, 0), (10 * SAMPLE_RATE, 185), (30 * SAMPLE_RATE, 802)], ids=["start", "inside", "end"]
)
def test_a_slice_is_a_piece_of_the_whole_recordings_transform(middle: int, first: int) -> None:
    sound = tune(30)
    sound[: SAMPLE_RATE // 2] *= 30  # the whole's maximum, which the floor hangs on
    sliced = slices(sound)
    found = sliced.around(middle)
    assert sliced.first_column(middle) == first
    with torch.inference_mode():
        for name in NAMES:
            whole = Transforms(centre=True).columns(name, torch.from_numpy(sound))
            assert whole.shape[1] == len(sound) // HOP_LENGTH + 1
            floor = float(whole.max()) * (1e-4 if name == "cqt_librosa" else 1e-8)
            expected = whole[:, first : first + CCMUSIC_WINDOW_COLUMNS].clamp_min(floor)
            torch.testing.assert_close(found[name][0], expected, rtol=1e-4, atol=1e-6 * float(whole.max()))
            assert float(found[name].min()) == pytest.approx(floor, rel=1e-4)


def test_a_recording_shorter_than_a_slice_is_repeated_from_its_start() -> None:
    short = tune(4)
    found, longer = slices(short).around(0), slices(np.resize(short, CCMUSIC_WINDOW_COLUMNS * HOP_LENGTH)).around(0)
    for name in NAMES:
        assert found[name].shape == (1, BINS[KIND_OF[name]], CCMUSIC_WINDOW_COLUMNS)
        assert torch.equal(found[name], longer[name])


def test_no_sound_has_no_slice() -> None:
    with pytest.raises(AudioError, match="0 samples"):
        slices(np.empty(0, np.float32))
