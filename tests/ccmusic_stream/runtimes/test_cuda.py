"""The votes on a GPU: against the CPU's, and what a fault of the device is."""

import pytest
import torch
from torch import nn

from ccmusic_stream.models.backbones import build
from ccmusic_stream.models.bundle import ModelSpec
from ccmusic_stream.runtimes.cpu import CpuVoters, Scheme, TorchNetwork
from ccmusic_stream.runtimes.cuda import BUCKETS, CudaVoters, raise_if_poisoned
from ccmusic_stream.votes import PictureKey

CUDA = torch.device("cuda")
HALF = (0.5, 0.5, 0.5)


class PoisonedError(Exception):
    """What a CUDA device in ruins answers."""


@pytest.mark.parametrize(
    ("error", "sick"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), False),
        (torch.AcceleratorError("x"), False),
        (RuntimeError(), True),
    ],
    ids=["out of memory", "CUDA error", "cuDNN error"],
)
def test_a_fault_of_the_device_is_nobodys_vote(monkeypatch: pytest.MonkeyPatch, error: Exception, sick: bool) -> None:
    def synchronize(_device: torch.device) -> None:
        if sick:
            raise PoisonedError

    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    with pytest.raises(PoisonedError if sick else type(error)):
        raise_if_poisoned(error, CUDA)


@pytest.mark.parametrize("error", [RuntimeError("shapes"), ValueError("no"), KeyError("x")], ids=repr)
def test_an_error_on_a_sound_device_is_the_networks_own(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _device: None)
    raise_if_poisoned(error, CUDA)


def spec(name: str, backbone: str, kind: str) -> ModelSpec:
    return ModelSpec(name, backbone, "cqt" if kind == "cqt" else "mel", "gap", "seed", None, None, 0, HALF, HALF)


@pytest.mark.gpu
@pytest.mark.parametrize("stations", [1, 3, BUCKETS[-1] + 44])
def test_the_gpus_votes_are_the_cpus(stations: int) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    specs = {
        "a": spec("a", "mobilenet_v3_large", "cqt"),
        "b": spec("b", "resnet50", "mel"),
        "c": spec("c", "efficientnet_b0", "mel"),
    }
    networks = {name: build(one.backbone, "gap", 13, seed=number) for number, (name, one) in enumerate(specs.items())}
    generator = torch.Generator().manual_seed(stations)
    pictures: dict[PictureKey, torch.Tensor] = {
        key: torch.randint(0, 256, (stations, 1, 224, 224), dtype=torch.uint8, generator=generator)
        for key in (specs["a"].picture, specs["b"].picture)
    }
    ready = {name: TorchNetwork(network) for name, network in networks.items()}
    expected = CpuVoters(specs, ready, Scheme(1, 2)).votes(pictures)
    voters = CudaVoters(specs, networks, CUDA)
    for _ in range(2):  # captured, then replayed
        found = voters.votes({key: picture.to(CUDA) for key, picture in pictures.items()})
        assert len(found) == stations
        for one, other in zip(found, expected, strict=True):
            for name in specs:
                assert one[name].probabilities == pytest.approx(other[name].probabilities, abs=1e-2)


@pytest.mark.gpu
def test_a_network_that_raises_on_the_gpu_is_left_out() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")

    class Raises(nn.Module):
        tired = False

        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            if self.tired:
                raise ValueError("tired")
            return pictures.mean(dim=(1, 2, 3), keepdim=False).unsqueeze(1).expand(-1, 2)

    bad = Raises()
    specs = {"good": spec("good", "mobilenet_v3_large", "cqt"), "bad": spec("bad", "resnet50", "cqt")}
    voters = CudaVoters(specs, {"good": build("mobilenet_v3_large", "gap", 13, seed=0), "bad": bad}, CUDA)
    Raises.tired = True
    [votes] = voters.votes({specs["good"].picture: torch.zeros(1, 1, 224, 224, dtype=torch.uint8, device=CUDA)})
    assert votes["bad"].error == "ValueError: tired"
    assert votes["good"].error is None


@pytest.mark.gpu
def test_a_network_that_gives_nan_on_the_gpu_is_left_out_and_the_temperature_counts() -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")

    class Bright(nn.Module):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return torch.stack([pictures.mean(dim=(1, 2, 3)), pictures.amin(dim=(1, 2, 3))], dim=1)

    class GivesNaN(Bright):
        def forward(self, pictures: torch.Tensor) -> torch.Tensor:
            return super().forward(pictures) * torch.nan

    warm = ModelSpec("warm", "resnet50", "cqt", "gap", "seed", None, None, 0, HALF, HALF, 2.0)
    specs = {"bad": spec("bad", "resnet50", "cqt"), "good": spec("good", "resnet50", "cqt"), "warm": warm}
    voters = CudaVoters(specs, {"bad": GivesNaN(), "good": Bright(), "warm": Bright()}, CUDA)
    pictures = torch.zeros(3, 1, 224, 224, dtype=torch.uint8, device=CUDA)
    pictures[:, :, :112] = 255
    for votes in voters.votes({specs["good"].picture: pictures}):
        assert votes["bad"].error == "gave NaN instead of probabilities"
        assert votes["good"].probabilities == pytest.approx(torch.softmax(torch.tensor([0.0, -1.0]), 0), abs=1e-2)
        assert votes["warm"].probabilities == pytest.approx(torch.softmax(torch.tensor([0.0, -0.5]), 0), abs=1e-2)
