"""Streaming columns against the whole transform, and where in time and pitch a column stands."""

from collections.abc import Iterator
from typing import cast

import numpy as np
import pytest
import torch
import torchaudio
from nnAudio.features.cqt import CQT1992v2
from numpy.typing import NDArray
from torch import Tensor

from ccmusic_stream.geometry import (
    BINS,
    HOP_LENGTH,
    KERNELS,
    LAG_COLUMNS,
    PRIME_COLUMNS,
    SAMPLE_RATE,
    WINDOW_COLUMNS,
    Spectrogram,
    TransformName,
)
from ccmusic_stream.librosa_kernels import librosa_cqt_kernels
from ccmusic_stream.spectrogram import StreamingColumns, Transforms, nnaudio_kernels

CPU = torch.device("cpu")
KINDS: tuple[Spectrogram, ...] = ("cqt", "mel")


@pytest.fixture(scope="module")
def transforms() -> Iterator[Transforms]:
    with torch.inference_mode():
        yield Transforms(centre=False)


def mixture(columns: int, seed: int) -> Tensor:
    """Tones, clicks and noise, shape (512 · columns,)."""
    random = np.random.default_rng(seed)
    count = columns * HOP_LENGTH
    time_s = np.arange(count) / SAMPLE_RATE
    sound = 0.02 * random.standard_normal(count)
    for hertz in random.uniform(40, 8000, 6):
        sound += (
            random.uniform(0.01, 0.3)
            * np.sin(2 * np.pi * hertz * time_s)
            * (random.random(count // 64 + 1) > 0.3)[np.arange(count) // 64]
        )
    sound[random.integers(0, count, 20)] += 0.8
    return torch.from_numpy(sound.astype(np.float32))


def offline(kind: Spectrogram, sound: Tensor) -> Tensor:
    """The whole transform of half a kernel of zeros and the recording, by the libraries themselves: (bins, columns)."""
    padded = torch.cat((torch.zeros(8192 if kind == "cqt" else 1024), sound))
    if kind == "cqt":
        cqt = CQT1992v2(
            sr=22050, hop_length=512, fmin=32.703, n_bins=84, bins_per_octave=12, center=False, verbose=False
        )
        return cast("Tensor", cqt(padded[None], output_format="Magnitude"))[0]
    mel = torchaudio.transforms.MelSpectrogram(sample_rate=22050, n_fft=2048, hop_length=512, n_mels=128, center=False)
    return cast("Tensor", mel(padded))


def stream(
    transforms: Transforms, sound: Tensor, hop_columns: int
) -> tuple[StreamingColumns, dict[Spectrogram, Tensor]]:
    """Push `sound` hop by hop; what came out is cut so that column 0 is centred on sample 0."""
    streaming = StreamingColumns(transforms, CPU)
    hops = [streaming.push(hop[None]) for hop in torch.split(sound, hop_columns * HOP_LENGTH)]
    return streaming, {
        kind: torch.cat([new[kind][0] for new in hops], dim=1)[:, LAG_COLUMNS[kind] - 1 :] for kind in KINDS
    }


@pytest.mark.parametrize("name", ["cqt", "cqt_librosa"])
def test_grouped_kernels_give_what_whole_kernels_give(transforms: Transforms, name: TransformName) -> None:
    kernels = nnaudio_kernels() if name == "cqt" else torch.from_numpy(librosa_cqt_kernels())
    sound = mixture(40, seed=13)
    frames = sound.unfold(0, kernels.shape[1], HOP_LENGTH).to(torch.complex128)
    expected = (frames @ kernels.T.to(torch.complex128)).abs().T.float()
    columns = transforms.columns(name, sound)
    torch.testing.assert_close(columns, expected, rtol=1e-4, atol=1e-6 * float(expected.max()))


@pytest.mark.parametrize(("hop_columns", "hops"), [(1, 40), (7, 12), (43, 12), (431, 2), (500, 1)])
def test_streamed_columns_are_those_of_the_whole_recording(transforms: Transforms, hop_columns: int, hops: int) -> None:
    sound = mixture(hop_columns * hops, seed=hop_columns)
    streaming, streamed = stream(transforms, sound, hop_columns)
    for kind in KINDS:
        whole = offline(kind, sound)
        assert streamed[kind].shape == whole.shape == (BINS[kind], hop_columns * hops - LAG_COLUMNS[kind] + 1)
        torch.testing.assert_close(streamed[kind], whole, rtol=1e-4, atol=1e-6 * float(whole.max()))
        newest = whole[:, -WINDOW_COLUMNS:]
        window = streaming.windows()[kind][0][:, -newest.shape[1] :]
        torch.testing.assert_close(window, newest, rtol=1e-4, atol=1e-6 * float(whole.max()))


@pytest.mark.parametrize("seed", range(2))
def test_hops_of_any_mixture_of_sizes_give_the_same_window(transforms: Transforms, seed: int) -> None:
    random = np.random.default_rng(seed)
    sound = mixture(480, seed=100 + seed)
    streaming, place = StreamingColumns(transforms, CPU), 0
    while place < 480:
        hop = int(min(480 - place, random.choice([1, 3, 16, 43, 90])))
        new = {k: v[0] for k, v in streaming.push(sound[None, place * HOP_LENGTH : (place + hop) * HOP_LENGTH]).items()}
        for kind in KINDS:
            assert new[kind].shape == (BINS[kind], hop)
            torch.testing.assert_close(streaming.windows()[kind][0][:, -hop:], new[kind], rtol=0, atol=0)
        place += hop
    for kind in KINDS:
        whole = offline(kind, sound)[:, -WINDOW_COLUMNS:]
        torch.testing.assert_close(streaming.windows()[kind][0], whole, rtol=1e-4, atol=1e-6 * float(whole.max()))


def test_a_window_that_is_not_full_yet_begins_with_silence(transforms: Transforms) -> None:
    streaming, _ = stream(transforms, mixture(20, seed=1), 10)
    for kind in KINDS:
        assert streaming.windows()[kind][0].shape == (BINS[kind], WINDOW_COLUMNS)
        assert not streaming.windows()[kind][0][:, :-20].any()
        assert streaming.windows()[kind][0][:, -1].any()


def test_priming_gives_the_window_of_a_stream_that_was_heard_from_its_start(transforms: Transforms) -> None:
    sound = mixture(13 * 43, seed=5)
    from_start, _ = stream(transforms, sound, 43)
    primed, _ = stream(transforms, sound[-PRIME_COLUMNS * HOP_LENGTH :], 42)
    for kind in KINDS:
        atol = 1e-6 * float(from_start.windows()[kind][0].max())
        torch.testing.assert_close(primed.windows()[kind][0], from_start.windows()[kind][0], rtol=1e-4, atol=atol)


def test_after_a_reset_nothing_of_the_stream_is_left(transforms: Transforms) -> None:
    streaming, _ = stream(transforms, mixture(60, seed=2), 20)
    streaming.reset(0)
    assert not any(window.any() for window in streaming.windows().values())
    sound = mixture(40, seed=3)
    streaming.push(sound[None])
    fresh, _ = stream(transforms, sound, 40)
    for kind in KINDS:
        torch.testing.assert_close(streaming.windows()[kind][0], fresh.windows()[kind][0], rtol=0, atol=0)


def test_stations_that_go_through_together_have_the_columns_that_each_has_alone(transforms: Transforms) -> None:
    sounds = torch.stack([mixture(40, seed=seed) for seed in (8, 9, 10)])
    together = StreamingColumns(transforms, CPU, stations=3)
    for start in range(0, 40, 10):
        part = slice(start * HOP_LENGTH, (start + 10) * HOP_LENGTH)
        new = together.push(sounds[[2, 0], part], [2, 0])
        assert {kind: columns.shape for kind, columns in new.items()} == {kind: (2, BINS[kind], 10) for kind in KINDS}
        together.push(sounds[1:2, part], [1])
    for station, sound in enumerate(sounds):
        alone, _ = stream(transforms, sound, 10)
        for kind in KINDS:
            atol = 1e-6 * float(alone.windows()[kind].max())
            window = together.windows([station])[kind]
            torch.testing.assert_close(window, alone.windows()[kind], rtol=1e-4, atol=atol)


def test_a_station_that_joins_or_is_forgotten_leaves_the_others_alone(transforms: Transforms) -> None:
    sound = mixture(20, seed=11)
    streaming, _ = stream(transforms, sound, 20)
    before = {kind: window.clone() for kind, window in streaming.windows().items()}
    streaming.grow(2)
    streaming.push(mixture(20, seed=12)[None], [1])
    streaming.reset(1)
    for kind in KINDS:
        assert torch.equal(streaming.windows()[kind], before[kind])
        assert not streaming.windows([1])[kind].any()


@pytest.mark.parametrize("samples", [0, 1, 511, 513, 43 * 512 + 1])
def test_refuses_a_hop_that_is_no_whole_number_of_columns(transforms: Transforms, samples: int) -> None:
    streaming = StreamingColumns(transforms, CPU)
    with pytest.raises(ValueError, match=f"a positive multiple of 512 samples, this one has {samples}"):
        streaming.push(torch.ones(1, samples))
    assert not any(window.any() for window in streaming.windows().values())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("column", [0, 1, 37])
def test_column_k_is_centred_on_sample_512_k(transforms: Transforms, kind: Spectrogram, column: int) -> None:
    sound = torch.zeros(84 * HOP_LENGTH)
    sound[column * HOP_LENGTH] = 1.0
    _, streamed = stream(transforms, sound, 7)
    click = streamed[kind]
    top = click[-1]  # the highest bin has the shortest kernel
    assert int(top.argmax()) == column
    if column > 20:
        before, after = click[:, column - 5 : column].flip(1), click[:, column + 1 : column + 6]
        torch.testing.assert_close(before, after, rtol=0.05, atol=1e-3 * float(click.max()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_newest_column_is_centred_the_lag_before_the_newest_sample(
    transforms: Transforms, kind: Spectrogram
) -> None:
    sound = torch.zeros(70 * HOP_LENGTH)
    sound[(70 - LAG_COLUMNS[kind]) * HOP_LENGTH] = 1.0
    streaming, _ = stream(transforms, sound, 7)
    assert int(streaming.windows()[kind][0][-1].argmax()) == WINDOW_COLUMNS - 1


@pytest.mark.parametrize("semitones", [12, 36, 45, 60, 80], ids=["C2", "C4", "A4", "C6", "G#7"])
def test_a_note_is_loudest_in_its_own_cqt_bin(transforms: Transforms, semitones: int) -> None:
    hertz = 32.703 * 2 ** (semitones / 12)
    sound = torch.sin(2 * torch.pi * hertz * torch.arange(70 * HOP_LENGTH) / SAMPLE_RATE)
    _, streamed = stream(transforms, sound, 35)
    assert set(streamed["cqt"][:, 20:50].argmax(dim=0).tolist()) == {semitones}


def hz_of_mel_centre(band: int) -> float:
    """Centre of an HTK band between 0 and 11,025 Hz."""
    highest = 2595 * np.log10(1 + 11025 / 700)
    return float(700 * (10 ** (highest * (band + 1) / 129 / 2595) - 1))


@pytest.mark.parametrize("band", [20, 64, 120])
def test_a_tone_is_loudest_in_its_own_mel_band(transforms: Transforms, band: int) -> None:
    sound = torch.sin(2 * torch.pi * hz_of_mel_centre(band) * torch.arange(40 * HOP_LENGTH) / SAMPLE_RATE)
    _, streamed = stream(transforms, sound, 20)
    assert set(streamed["mel"][:, 5:30].argmax(dim=0).tolist()) == {band}


def test_a_mel_column_is_the_power_of_a_hann_window(transforms: Transforms) -> None:
    sound = mixture(12, seed=4)
    _, streamed = stream(transforms, sound, 12)
    frame = sound[4 * HOP_LENGTH : 4 * HOP_LENGTH + 2048].double().numpy()  # centred on sample 512 · 6
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(2048) / 2048)
    power: NDArray[np.float64] = np.abs(np.fft.rfft(frame * hann)) ** 2
    hertz = np.arange(1025) * SAMPLE_RATE / 2048
    for band in (30, 64, 127):
        low, centre, high = (hz_of_mel_centre(band + step) for step in (-1, 0, 1))
        weight = np.clip(np.minimum((hertz - low) / (centre - low), (high - hertz) / (high - centre)), 0, None)
        assert float(streamed["mel"][band, 6]) == pytest.approx(float(weight @ power), rel=1e-3)


def test_the_kernels_are_as_long_as_the_geometry_says(transforms: Transforms) -> None:
    assert transforms.cqt.length == transforms.cqt_librosa.length == KERNELS["cqt"]
    assert nnaudio_kernels().shape == (BINS["cqt"], KERNELS["cqt"])
    assert transforms.mel.n_fft == transforms.mel_librosa.n_fft == KERNELS["mel"]


def test_the_centred_transform_of_ten_seconds_fills_a_window() -> None:
    with torch.inference_mode():
        centred = Transforms(centre=True)
        for kind in KINDS:
            columns = centred.columns(kind, mixture(431, seed=6)[: 10 * SAMPLE_RATE])
            assert columns.shape == (BINS[kind], WINDOW_COLUMNS)
            assert columns.dtype == torch.float32
            assert (columns >= 0).all()


def test_away_from_the_edges_the_centred_transform_has_the_streams_columns(transforms: Transforms) -> None:
    sound = mixture(100, seed=12)
    _, streamed = stream(transforms, sound, 20)
    with torch.inference_mode():
        centred = Transforms(centre=True)
        for kind in KINDS:
            columns = centred.columns(kind, sound)[:, 20:80]
            torch.testing.assert_close(streamed[kind][:, 20:80], columns, rtol=1e-4, atol=1e-6 * float(columns.max()))
