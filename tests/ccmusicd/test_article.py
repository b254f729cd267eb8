"""`classify` against the article's listings, written down here once more, step by step, from the file to the softmax.

The listings call nothing of the project: PyAV decodes and resamples, nnAudio and torchaudio transform, and torchvision
draws. Only the networks are the project's, and both sides have the same.
"""

import contextlib
import hashlib
import io
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import av
import numpy as np
import pytest
import safetensors.torch
import torch
import torchaudio
from nnAudio.features.cqt import CQT1992v2
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision import transforms

from ccmusic_stream.models.backbones import build
from ccmusic_stream.models.bundle import read_bundle
from ccmusic_stream.runtimes import Runtime
from ccmusicd.classify import classify_files

BACKBONES = ("vgg19_bn", "resnet50", "densenet121", "efficientnet_b0", "mobilenet_v3_large")
SLUGS = ("classical", "jazz", "electronic", "rock", "hip_hop")
MEAN, STD = (0.5, 0.48, 0.46), (0.5, 0.52, 0.54)
WITHIN = 1e-3

Article = Callable[[Path, str], dict[str, list[float]]]


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    """The article's ten models with settled random weights."""
    built = {backbone: build(backbone, "gap", len(SLUGS), seed=seed) for seed, backbone in enumerate(BACKBONES)}
    return {f"{backbone}_{kind}": network for backbone, network in built.items() for kind in ("cqt", "mel")}


@pytest.fixture(scope="module")
def bundle(networks: Mapping[str, nn.Module], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("article")
    labels = ", ".join(f'{{ slug = "{slug}", en = "{slug}", zh = "{slug}", music = true }}' for slug in SLUGS)
    text = f'name = "article"\nlabels = [{labels}]\n'
    for name, network in networks.items():
        file = folder / f"{name}.safetensors"
        safetensors.torch.save_file(network.state_dict(), file)
        backbone, _, kind = name.rpartition("_")
        text += (
            f'[[models]]\nname = "{name}"\nbackbone = "{backbone}"\nspectrogram = "{kind}"\nhead = "gap"\n'
            f'profile = "seed"\nfile = "{file.name}"\nsha256 = "{hashlib.sha256(file.read_bytes()).hexdigest()}"\n'
            f"mean = {list(MEAN)}\nstd = {list(STD)}\ntemperature = 1.0\n"
        )
    (folder / "bundle.toml").write_text(text, encoding="utf-8")
    return folder


def encode(path: Path, channels: NDArray[np.float32], rate: int, codec: str) -> Path:
    """Write sound, shape (2, n), full scale ±1, as a lossy file."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=rate)
        assert isinstance(stream, av.AudioStream)
        stream.layout = "stereo"
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), "fltp", "stereo")
        frame.sample_rate = rate
        resampler = av.AudioResampler(
            stream.codec_context.format or "fltp", "stereo", rate, stream.codec_context.frame_size or 960
        )
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def decoded(path: Path) -> Tensor:
    """The mean of a file's channels at 22,050 Hz, (1, samples), full scale ±1.

    Resampled by FFmpeg, for which the article has torchaudio's Resample: what two resamplers leave of the last tenth
    below 11 kHz moves these probabilities by up to 0.09, and is not what is compared here.
    """
    with av.open(path) as container:
        frames = list(container.decode(container.streams.audio[0]))
    planar, to_22050 = av.AudioResampler("fltp"), av.AudioResampler("flt", "mono", 22050)
    pieces = [piece for frame in (*frames, None) for piece in planar.resample(frame)]
    mono = av.AudioFrame.from_ndarray(
        np.concatenate([piece.to_ndarray() for piece in pieces], axis=1).mean(axis=0, keepdims=True), "flt", "mono"
    )
    mono.sample_rate = frames[0].sample_rate
    resampled = [piece.to_ndarray() for frame in (mono, None) for piece in to_22050.resample(frame)]
    return torch.from_numpy(np.concatenate(resampled, axis=1))


def spectrograms_of_the_article(path: Path, clip: str) -> dict[str, Tensor]:
    """Sections 3.1, 3.2 and 4.1: ten seconds of the file as CQT and as Mel, in colour, (3, 224, 224) uint8 each."""
    waveform = decoded(path)
    target_samples = 22050 * 10
    if clip == "centre":  # the prose; the listing takes the first
        waveform = waveform[:, max(0, waveform.size(1) - target_samples) // 2 :]
    if waveform.size(1) < target_samples:
        waveform = torch.cat([waveform] * ((target_samples // waveform.size(1)) + 1), dim=1)
    waveform = waveform[:, :target_samples]

    cqt = CQT1992v2(sr=22050, hop_length=512, fmin=32.703, n_bins=84, bins_per_octave=12, verbose=False)(waveform)
    mel = torchaudio.transforms.MelSpectrogram(22050, n_fft=2048, hop_length=512, n_mels=128)(waveform)
    transform = transforms.Compose([transforms.Resize((224, 224)), transforms.Grayscale(num_output_channels=3)])
    pictures = {}
    for kind, columns in (("cqt", torch.abs(cqt)), ("mel", mel)):
        spec = torch.log(columns + 1e-6)
        spec_norm = (spec - spec.min()) / (spec.max() - spec.min() + 1e-8) * 255
        pictures[kind] = transform(spec_norm.to(torch.uint8)).expand(3, -1, -1)
    return pictures


@torch.inference_mode()
def probabilities_of_the_article(path: Path, clip: str, networks: Mapping[str, nn.Module]) -> dict[str, list[float]]:
    """Section 3.4: every model's softmax."""
    pictures = spectrograms_of_the_article(path, clip)
    normalise = transforms.Normalize(MEAN, STD)
    answers = {}
    for name, model in networks.items():
        spec_tensor = normalise(pictures[name.rpartition("_")[2]].float() / 255)
        output = model(spec_tensor.unsqueeze(0))
        answers[name] = torch.nn.functional.softmax(output, dim=1)[0].tolist()
    return answers


def probabilities_of_classify(
    paths: list[Path], clip: str, bundle: Path, runtime: Runtime
) -> list[dict[str, list[float]]]:
    """What `ccmusicd classify --json` prints of each file's models."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        files, opened, cpu = [str(path) for path in paths], read_bundle(bundle), torch.device("cpu")
        names = [model.name for model in opened.models]
        assert classify_files(files, opened, names, clip=clip, as_json=True, device=cpu, runtime=runtime) == 0
    windows = [json.loads(line)["windows"][0]["models"] for line in printed.getvalue().splitlines()]
    return [
        {name: [model["probabilities"][slug] for slug in SLUGS] for name, model in models.items()} for models in windows
    ]


@pytest.fixture(scope="module")
def article(networks: Mapping[str, nn.Module]) -> Article:
    """The article's probabilities of a file's clip, computed once for all tests."""
    return cache(lambda path, clip: probabilities_of_the_article(path, clip, networks))


def compare(paths: list[Path], clip: str, article: Article, bundle: Path, runtime: Runtime = "torch") -> None:
    """Every probability is the article's; the networks tell the clips apart, so that this says something."""
    ours = probabilities_of_classify(paths, clip, bundle, runtime)
    theirs = [article(path, clip) for path in paths]
    for path, our, their in zip(paths, ours, theirs, strict=True):
        assert list(our) == list(their)
        assert len(our) == 2 * len(BACKBONES)
        for name in our:
            assert our[name] == pytest.approx(their[name], abs=WITHIN), f"{name} on {path.name}"
    for name in theirs[0]:
        spread = np.ptp([their[name] for their in theirs], axis=0)
        assert spread.max() > 10 * WITHIN, f"{name} answers the same to everything"
        assert min(max(their[name]) for their in theirs) < 0.99, f"{name} is certain of everything"


@pytest.fixture(scope="module")
def synthesised(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Stereo music as lossy files: 14 s of chords and beats, 4 s of a scale, 12 s of noise that swells."""
    folder = tmp_path_factory.mktemp("songs")
    random = np.random.default_rng(0)

    def seconds(length: float, rate: int) -> NDArray[np.float64]:
        return np.arange(round(length * rate)) / rate

    time_s = seconds(14, 44_100)
    chords = np.sin(2 * np.pi * random.uniform(80, 2_000, (6, 1)) * time_s).sum(axis=0) * (1 + (time_s > 6))
    beat = np.exp(-8 * (time_s % 0.5)) * random.standard_normal(len(time_s))
    song = np.stack((0.04 * chords + 0.1 * beat, 0.06 * chords))
    time_s = seconds(4, 48_000)
    scale = np.sin(2 * np.pi * np.cumsum(220 * 2 ** (np.floor(time_s * 4) / 12)) / 48_000) * np.exp(
        -3 * (time_s % 0.25)
    )
    time_s = seconds(12, 44_100)
    noise = random.standard_normal((2, len(time_s))) * 0.2 * (time_s / 12) ** 2
    return [
        encode(folder / "song.mp3", np.asarray(song, np.float32), 44_100, "libmp3lame"),
        encode(folder / "scale.opus", np.asarray([0.4 * scale, 0.2 * scale], np.float32), 48_000, "libopus"),
        encode(folder / "noise.m4a", np.asarray(noise, np.float32), 44_100, "aac"),
    ]


@pytest.mark.parametrize("clip", ["first", "centre"])
def test_synthesised_music_has_the_articles_probabilities(
    synthesised: list[Path], clip: str, article: Article, bundle: Path
) -> None:
    compare(synthesised, clip, article, bundle)


def test_ncnn_gives_the_articles_probabilities_too(synthesised: list[Path], article: Article, bundle: Path) -> None:
    compare(synthesised[1:], "centre", article, bundle, "ncnn")


def test_real_music_has_the_articles_probabilities(real_music: list[Path], article: Article, bundle: Path) -> None:
    compare(real_music[::5], "centre", article, bundle)
