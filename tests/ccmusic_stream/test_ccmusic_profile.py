"""The profile `ccmusic` against the pictures of the published demo, made as it makes them: librosa and matplotlib."""

import io
from collections.abc import Iterator
from pathlib import Path

import librosa
import librosa.display
import matplotlib as mpl
import numpy as np
import pytest
import torch
import torchaudio
from matplotlib import pyplot as plt
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE, Spectrogram
from ccmusic_stream.librosa_kernels import librosa_cqt_kernels
from ccmusic_stream.magma import MAGMA
from ccmusic_stream.picture import SIDE, picture

KINDS: tuple[Spectrogram, ...] = ("cqt", "mel")
SLICE = 490


@pytest.fixture(scope="module", autouse=True)
def _without_a_screen() -> Iterator[None]:
    before = mpl.get_backend()
    mpl.use("Agg")
    yield
    plt.close("all")
    mpl.use(before)


def synthesised(seed: int) -> NDArray[np.float32]:
    """20 s of a melody over chords, a beat of noise, a break, and a hiss, at 22,050 Hz."""
    random = np.random.default_rng(seed)
    time_s = np.arange(20 * SAMPLE_RATE) / SAMPLE_RATE
    notes_hz = 220 * 2 ** (random.integers(-12, 25, 100) / 12)
    melody = np.sin(2 * np.pi * np.cumsum(notes_hz[(time_s * 4).astype(int)]) / SAMPLE_RATE) * (1 - time_s * 4 % 1)
    chords = sum(np.sin(2 * np.pi * hertz * time_s) for hertz in random.uniform(60, 900, 4))
    beat = np.exp(-12 * (time_s % 0.5)) * random.standard_normal(len(time_s))
    sound = 0.3 * melody + 0.1 * chords + 0.2 * beat * (time_s % 7 > 1) + 1e-3 * random.standard_normal(len(time_s))
    return np.asarray(0.5 * sound, np.float32)


def of_the_demo(kind: Spectrogram, sound: NDArray[np.float32]) -> tuple[NDArray[np.int16], int]:
    """The demo's first picture of a file as its network sees it before the normalisation, (3, 224, 224), and the first
    column of its slice."""
    if kind == "mel":
        power = librosa.feature.melspectrogram(y=sound, sr=SAMPLE_RATE)
    else:
        power = np.abs(librosa.cqt(y=sound, sr=SAMPLE_RATE)) ** 2
    levels_db = librosa.power_to_db(power, ref=np.max)
    first = levels_db.shape[1] % SLICE // 2
    plt.figure()
    librosa.display.specshow(levels_db[:, first : first + SLICE])
    plt.axis("off")
    file = io.BytesIO()
    plt.savefig(file, format="jpg", bbox_inches="tight", pad_inches=0.0)
    plt.close()
    saved = Image.open(file).convert("RGB")
    assert saved.size == (496, 369)
    return np.asarray(saved.resize((SIDE, SIDE), Image.Resampling.BILINEAR), np.int16).transpose(2, 0, 1), first


def columns(kind: Spectrogram, sound: NDArray[np.float32]) -> Tensor:
    """The whole transform of a file, (bins, columns): CQT magnitude or Mel power."""
    samples = torch.from_numpy(sound)
    if kind == "mel":
        mel = torchaudio.transforms.MelSpectrogram(
            SAMPLE_RATE, 2048, hop_length=HOP_LENGTH, n_mels=128, norm="slaney", mel_scale="slaney", pad_mode="constant"
        )
        power: Tensor = mel(samples)
        return power
    kernels = torch.from_numpy(librosa_cqt_kernels())  # (84, 16384)
    length = kernels.shape[1]
    frames = torch.nn.functional.pad(samples, (length // 2, length // 2)).unfold(0, length, HOP_LENGTH)
    return torch.hypot(kernels.real @ frames.T, kernels.imag @ frames.T)


def difference(kind: Spectrogram, sound: NDArray[np.float32]) -> float:
    """Mean absolute difference of our picture from the demo's, of 255."""
    theirs, first = of_the_demo(kind, sound)
    whole = columns(kind, sound)
    floor = float(whole.max()) * (1e-4 if kind == "cqt" else 1e-8)  # 80 dB below the file's maximum
    (ours,) = picture(kind, whole[:, first : first + SLICE].clamp_min(floor).unsqueeze(0), "ccmusic")
    return float(np.abs(ours.numpy() - theirs).mean())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_a_picture_of_synthesised_music_is_the_demos(kind: Spectrogram, seed: int) -> None:
    assert difference(kind, synthesised(seed)) < 0.6


@pytest.mark.filterwarnings("ignore:'(aifc|audioop|sunau)' is deprecated:DeprecationWarning")  # of librosa's audioread
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_of_real_music_is_the_demos(kind: Spectrogram, real_music: list[Path]) -> None:
    found = {}
    for path in real_music:
        sound, _ = librosa.load(path)
        if len(sound) >= SLICE * HOP_LENGTH:
            found[path.stem] = difference(kind, sound)
    assert len(found) > 4
    assert max(found.values()) < 0.6, found


def test_magma_is_matplotlibs() -> None:
    assert np.array_equal(MAGMA, np.round(mpl.colormaps["magma"](np.arange(256))[:, :3] * 255))
