"""The whole hop against the article's own scheme, the bare forward passes and the machine's matrix-product peak.

- `ours`: as the daemon computes it (new columns, pictures, five votes); `ours_torch`: the same with torch alone.
- `article`: both spectrograms of the whole 10 s anew, eager networks, ThreadPoolExecutor of five.
- `bare`: the sum of bare forward passes one after the other on all cores, by each runtime.
- `rest`: ours with networks that answer at once: everything but the forward passes.

All are measured alternately in one run; milliseconds, medians. Prints one JSON object.

    python benchmarks/hop.py [--bundle starter] [--models all] [--rounds 20] [--device auto]
"""

import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import numpy as np
import torch
import torchaudio
from measuring import alternately, arguments, gflop, machine, matrix_peak_gflop_s, medians, noise, torch_threads
from nnAudio.features.cqt import CQT1992v2
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision import transforms

from ccmusic_stream.classifier import Classifier, pick_device
from ccmusic_stream.clip import CLIP_SAMPLES, clip_windows
from ccmusic_stream.engine import MEASURED_HOP_COLUMNS, Engine, Heard
from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE
from ccmusic_stream.models.bundle import Bundle
from ccmusic_stream.models.loading import load_bundle
from ccmusic_stream.runtimes.cpu import CpuVoters, Scheme, TorchNetwork, quickest, schemes
from ccmusic_stream.spectrogram import Transforms
from ccmusic_stream.votes import Voters
from ccmusicd.resources import cache_folder
from ccmusicd.voting import load_voters
from ccmusicd.weights.bundles import models_to_use, open_bundle


class Article:
    """The article's scheme, after its listings: everything anew on every hop."""

    def __init__(self, bundle: Bundle, networks: Mapping[str, nn.Module], device: torch.device) -> None:
        self._specs = {spec.name: spec for spec in bundle.models}
        self._networks = {name: network.to(device) for name, network in networks.items()}
        self._device = device
        self._cqt = CQT1992v2(
            sr=SAMPLE_RATE, hop_length=512, fmin=32.703, n_bins=84, bins_per_octave=12, verbose=False
        ).to(device)
        self._mel = torchaudio.transforms.MelSpectrogram(
            sample_rate=SAMPLE_RATE, n_fft=2048, hop_length=512, n_mels=128
        ).to(device)
        self._resize = transforms.Resize((224, 224))

    def hop(self, clip: NDArray[np.float32]) -> dict[str, Tensor]:
        """Probabilities by model."""
        with torch.no_grad():
            waveform = torch.from_numpy(clip).unsqueeze(0).to(self._device)
            spectrograms = {"cqt": self._cqt(waveform, output_format="Magnitude"), "mel": self._mel(waveform)}
            pictures = {kind: self._picture(spec) for kind, spec in spectrograms.items()}
        with ThreadPoolExecutor(max_workers=5) as executor:
            futures = {name: executor.submit(self._look, name, pictures) for name in self._networks}
            return {name: future.result() for name, future in futures.items()}

    def _picture(self, spectrogram: Tensor) -> Tensor:
        spec = torch.log(spectrogram + 1e-6)
        levels = ((spec - spec.min()) / (spec.max() - spec.min() + 1e-8) * 255).to(torch.uint8)
        return self._resize(levels).expand(3, 224, 224).float() / 255  # type: ignore[no-any-return]

    def _look(self, name: str, pictures: Mapping[str, Tensor]) -> Tensor:
        spec = self._specs[name]
        normalise = transforms.Normalize(spec.mean, spec.std)
        with torch.no_grad():
            logits = self._networks[name](normalise(pictures[spec.spectrogram]).unsqueeze(0))
            return torch.softmax(logits / spec.temperature, dim=1)[0]


class AtOnce:
    """A network that needs no time."""

    threads = 1

    def __init__(self, classes: int) -> None:
        self._logits = torch.zeros(1, classes)

    def __call__(self, _picture: Tensor) -> Tensor:
        """The same logits for all."""
        return self._logits


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__ or "").parse_args()
    device = pick_device(options.device)
    bundle = open_bundle([options.bundle])
    specs = {spec.name: spec for spec in models_to_use(bundle, options.models.split(","))}
    networks, _ = load_bundle(bundle, list(specs))
    cores = torch.get_num_threads()
    loaded = load_voters(bundle, list(specs), device, cache_folder=cache_folder())
    clip = noise(CLIP_SAMPLES)
    article = Article(bundle, networks, device)

    def engine(voters: Voters) -> Engine:
        return Engine(Classifier(specs, voters), device)

    def hop(engine: Engine) -> None:
        with torch_threads(1 if device.type == "cpu" else cores):
            engine.hop([Heard("station", clip[: MEASURED_HOP_COLUMNS * HOP_LENGTH])])

    works: dict[str, Any] = {"ours": partial(hop, engine(loaded.voters)), "article": partial(article.hop, clip)}
    scheme: dict[str, Any] = {}
    if isinstance(loaded.voters, CpuVoters):
        plain = CpuVoters(specs, {name: TorchNetwork(one) for name, one in networks.items()}, Scheme(1, cores))
        scheme = {
            "ours": quickest(loaded.voters, schemes(len(specs))),
            "ours_torch": quickest(plain, schemes(len(specs))),
        }
        idle = CpuVoters(specs, dict.fromkeys(specs, AtOnce(len(bundle.labels))), loaded.voters.scheme)
        works |= {"ours_torch": partial(hop, engine(plain)), "rest": partial(hop, engine(idle))}
        works |= _bare(bundle, list(specs), networks, cores)
    times = medians(alternately(works, options.rounds))
    result = {
        "benchmark": "hop",
        **machine(device),
        "runtimes": loaded.runtimes,
        "scheme": {name: f"{one.lanes} lanes of {one.threads} threads" for name, one in scheme.items()},
        "ms": times,
        "article_over_ours": round(times["article"] / times["ours"], 2),
        "largest_difference": _largest_difference(specs, networks, loaded.voters, clip, device),
    }
    if device.type == "cpu":
        result |= _shares(times, networks, device)
    print(json.dumps(result, indent=2))


def _bare(bundle: Bundle, names: list[str], networks: Mapping[str, nn.Module], cores: int) -> dict[str, Any]:
    """The bare forward pass of each network, one at a time on all cores: by torch, and by what the daemon runs."""
    picture = torch.rand(1, 3, 224, 224)
    channels_last = picture.contiguous(memory_format=torch.channels_last)
    works: dict[str, Any] = {}
    chosen = load_voters(bundle, names, torch.device("cpu"), cache_folder=cache_folder()).voters
    assert isinstance(chosen, CpuVoters)  # noqa: S101 - on a CPU it is
    chosen.share(Scheme(1, cores))
    for name in names:
        works[f"bare {name}"] = partial(chosen.network(name), picture)
        works[f"bare torch {name}"] = partial(TorchNetwork(networks[name]), channels_last)
    return works


def _shares(times: Mapping[str, float], networks: Mapping[str, nn.Module], device: torch.device) -> dict[str, Any]:
    work = sum(map(gflop, networks.values()))
    peak = matrix_peak_gflop_s(device)
    torch_ms = sum(value for name, value in times.items() if name.startswith("bare torch "))
    bare_ms = sum(value for name, value in times.items() if name.startswith("bare ")) - torch_ms
    return {
        "article_over_ours_torch": round(times["article"] / times["ours_torch"], 2),
        "gflop": round(work, 1),
        "matrix_peak_gflop_s": round(peak, 1),
        "bare_sum_ms": round(bare_ms, 1),
        "bare_torch_sum_ms": round(torch_ms, 1),
        "ours_over_bare": round(times["ours"] / bare_ms, 3),
        "bare_share_of_peak": round(work / bare_ms * 1e3 / peak, 3),
        "bare_torch_share_of_peak": round(work / torch_ms * 1e3 / peak, 3),
        "rest_share_of_hop": round(times["rest"] / times["ours"], 4),
    }


def _largest_difference(
    specs: Mapping[str, Any],
    networks: Mapping[str, nn.Module],
    voters: Voters,
    clip: NDArray[np.float32],
    device: torch.device,
) -> float:
    """Of any probability from eager torch's, both on the same clip's centred window."""
    windows = clip_windows(clip, Transforms(centre=True).to(device), device)
    found = Classifier(specs, voters).votes(windows)[0]
    plain = CpuVoters(specs, {name: TorchNetwork(one.cpu()) for name, one in networks.items()}, Scheme(1, 1))
    on_cpu = {name: window.cpu() for name, window in windows.items()}
    expected = Classifier(specs, plain).votes(on_cpu)[0]
    pairs = [(vote.probabilities, expected[name].probabilities) for name, vote in found.items()]
    differences = [float(np.abs(one - other).max()) for one, other in pairs if one is not None and other is not None]
    return float(f"{max(differences):.2g}")


if __name__ == "__main__":
    main()
