"""From windows to votes, with networks that are made here."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ccmusic_stream import classifier as room
from ccmusic_stream.classifier import Classifier, pick_device
from ccmusic_stream.errors import DeviceError
from ccmusic_stream.geometry import BINS, WINDOW_COLUMNS, Spectrogram, TransformName
from ccmusic_stream.models.bundle import ModelSpec
from ccmusic_stream.picture import network_input, picture
from ccmusic_stream.runtimes.cpu import CpuVoters, Scheme, TorchNetwork
from ccmusic_stream.votes import Vote

CPU = torch.device("cpu")
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)


class Says(nn.Module):
    """A network that answers with fixed logits and remembers what it was shown."""

    def __init__(self, *logits: float) -> None:
        super().__init__()
        self.register_buffer("logits", torch.tensor([logits]))
        self.shown: list[Tensor] = []

    def forward(self, pictures: Tensor) -> Tensor:
        self.shown.append(pictures)
        assert isinstance(self.logits, Tensor)
        return self.logits


class Raises(nn.Module):
    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def forward(self, _pictures: Tensor) -> Tensor:
        raise self._error


class DropsEverything(nn.Module):
    """Answers with zeros in training, since its dropout then leaves nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Dropout(1.0)

    def forward(self, _pictures: Tensor) -> Tensor:
        answer: Tensor = self.dropout(torch.tensor([[5.0, 0.0]]))
        return answer


def spec(name: str, kind: Spectrogram = "cqt", *, profile: str = "seed", temperature: float = 1.0) -> ModelSpec:
    return ModelSpec(name, "resnet50", kind, "gap", profile, None, None, 0, MEAN, STD, temperature)


class One:
    """A classifier of networks that are made here, for one station."""

    def __init__(self, networks: Mapping[str, nn.Module], specs: Mapping[str, ModelSpec]) -> None:
        ready = {name: TorchNetwork(network) for name, network in networks.items()}
        self._classifier = Classifier(specs, CpuVoters(specs, ready, Scheme(2, 1)))
        self.names = self._classifier.names

    def votes(self, windows: dict[TransformName, Tensor]) -> dict[str, Vote]:
        [votes] = self._classifier.votes({name: window.unsqueeze(0) for name, window in windows.items()})
        return votes


def of(networks: Mapping[str, nn.Module], **specs: ModelSpec) -> One:
    return One(networks, {name: specs.get(name, spec(name)) for name in networks})


@pytest.fixture(scope="module")
def windows() -> dict[TransformName, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {kind: torch.rand(bins, WINDOW_COLUMNS, generator=generator) ** 4 for kind, bins in BINS.items()}


def probabilities(vote: Vote) -> list[float]:
    assert vote.error is None
    assert vote.probabilities is not None
    return [float(p) for p in vote.probabilities]


def test_a_vote_is_the_softmax_of_the_logits(windows: dict[TransformName, Tensor]) -> None:
    vote = of({"a": Says(2.0, 1.0, -1.0)}).votes(windows)["a"]
    expected = np.exp([2.0, 1.0, -1.0]) / np.exp([2.0, 1.0, -1.0]).sum()
    assert probabilities(vote) == pytest.approx(expected.tolist())
    assert vote.probabilities is not None
    assert vote.probabilities.dtype == np.float32
    assert vote.ms > 0


def test_logits_are_divided_by_the_temperature(windows: dict[TransformName, Tensor]) -> None:
    voters = of({"a": Says(2.0, 0.0), "b": Says(4.0, 0.0)}, b=spec("b", temperature=2.0))
    votes = voters.votes(windows)
    assert probabilities(votes["b"]) == pytest.approx(probabilities(votes["a"]))


def test_models_vote_in_the_order_they_were_loaded(windows: dict[TransformName, Tensor]) -> None:
    voters = of({"z": Says(1.0, 0.0), "a": Says(1.0, 0.0)})
    assert voters.names == ("z", "a")
    assert list(voters.votes(windows)) == ["z", "a"]


def test_a_model_that_was_not_loaded_does_not_vote(windows: dict[TransformName, Tensor]) -> None:
    voters = One({"b": Says(1.0, 0.0)}, {"a": spec("a"), "b": spec("b")})
    assert list(voters.votes(windows)) == ["b"]


def test_each_model_sees_its_own_picture_normalised(windows: dict[TransformName, Tensor]) -> None:
    networks = {"cqt": Says(1.0, 0.0), "mel": Says(1.0, 0.0), "floor": Says(1.0, 0.0)}
    of(networks, mel=spec("mel", "mel"), floor=spec("floor", "mel", profile="floor80")).votes(windows)
    for name, kind, profile in (("cqt", "cqt", "seed"), ("mel", "mel", "seed"), ("floor", "mel", "floor80")):
        wanted: Spectrogram = "cqt" if kind == "cqt" else "mel"
        [shown] = networks[name].shown
        expected = network_input(picture(wanted, windows[wanted].unsqueeze(0), profile), MEAN, STD)
        assert torch.equal(shown, expected)


def test_each_distinct_picture_is_made_once_a_hop(
    windows: dict[TransformName, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[tuple[str, str]] = []

    def counted(kind: Spectrogram, window: Tensor, profile: str) -> Tensor:
        made.append((kind, profile))
        return picture(kind, window, profile)

    monkeypatch.setattr(room, "picture", counted)
    networks = {name: Says(1.0, 0.0) for name in "abcde"}
    voters = of(
        networks,
        b=spec("b", "mel"),
        c=spec("c", temperature=2.0),
        d=spec("d", "mel"),
        e=spec("e", "mel", profile="floor80"),
    )
    voters.votes(windows)
    assert sorted(made) == [("cqt", "seed"), ("mel", "floor80"), ("mel", "seed")]
    voters.votes(windows)
    assert len(made) == 6


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        ValueError("no"),
        AssertionError("Wrong image height!"),
        KeyError("x"),
        TypeError("t"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_model_that_raises_is_left_out_and_named_and_the_others_go_on(
    windows: dict[TransformName, Tensor], error: Exception
) -> None:
    votes = of({"a": Says(1.0, 0.0), "bad": Raises(error), "c": Says(0.0, 1.0)}).votes(windows)
    assert votes["bad"].probabilities is None
    assert votes["bad"].error == f"{type(error).__name__}: {error}"
    assert probabilities(votes["a"])[0] > 0.7
    assert probabilities(votes["c"])[1] > 0.7


@pytest.mark.parametrize("logits", [(float("nan"), 0.0), (float("inf"), 0.0), (float("-inf"), float("-inf"))])
def test_a_model_that_returns_no_number_is_left_out_and_named(
    windows: dict[TransformName, Tensor], logits: tuple[float, float]
) -> None:
    votes = of({"bad": Says(*logits), "c": Says(0.0, 1.0)}).votes(windows)
    assert votes["bad"].probabilities is None
    assert votes["bad"].error == "gave NaN instead of probabilities"
    assert probabilities(votes["c"])[1] > 0.7


def test_a_model_that_failed_once_votes_again(windows: dict[TransformName, Tensor]) -> None:
    network = Says(float("nan"), 0.0)
    voters = of({"a": network})
    assert voters.votes(windows)["a"].error is not None
    network.logits = torch.tensor([[3.0, 0.0]])
    assert probabilities(voters.votes(windows)["a"])[0] > 0.9


def test_a_profile_that_cannot_be_drawn_fails_its_models_only(windows: dict[TransformName, Tensor]) -> None:
    votes = of({"a": Says(1.0, 0.0), "b": Says(1.0, 0.0)}, a=spec("a", profile="sepia")).votes(windows)
    assert list(votes) == ["a", "b"]
    assert votes["a"].error is not None
    assert votes["a"].error.startswith("ValueError: profile 'sepia' cannot be drawn")
    assert votes["b"].error is None


def test_every_station_has_its_own_votes(windows: dict[TransformName, Tensor]) -> None:
    class Brightness(nn.Module):
        def forward(self, pictures: Tensor) -> Tensor:
            return torch.stack([pictures.mean(), torch.tensor(0.0)]).unsqueeze(0)

    specs = {"a": spec("a"), "b": spec("b", "mel")}
    ready = {name: TorchNetwork(Brightness()) for name in specs}
    classifier = Classifier(specs, CpuVoters(specs, ready, Scheme(2, 1)))
    several = {name: torch.stack([window, window**3, window.flip(1)]) for name, window in windows.items()}
    votes = classifier.votes(several)
    assert len(votes) == 3
    for station, vote in enumerate(votes):
        [alone] = classifier.votes({name: window[station : station + 1] for name, window in several.items()})
        for name in specs:
            assert probabilities(vote[name]) == probabilities(alone[name])
    assert probabilities(votes[0]["a"]) != probabilities(votes[1]["a"])


def test_networks_are_switched_to_evaluation(windows: dict[TransformName, Tensor]) -> None:
    network = DropsEverything().train()
    assert probabilities(of({"a": network}).votes(windows)["a"])[0] > 0.9


def test_windows_of_an_untouched_gradient_tape(windows: dict[TransformName, Tensor]) -> None:
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    assert sum(probabilities(of({"a": network}).votes(windows)["a"])) == pytest.approx(1)


def test_picks_the_cpu_where_there_is_no_cuda_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    assert pick_device("auto") == pick_device("cpu") == CPU
    with pytest.raises(DeviceError, match="device cuda was asked for, but this machine has 0 for torch"):
        pick_device("cuda")


def test_picks_the_cuda_device_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert pick_device("auto") == pick_device("cuda") == torch.device("cuda")
    assert pick_device("cuda:0") == torch.device("cuda:0")
    with pytest.raises(DeviceError, match="device cuda:1 was asked for"):
        pick_device("cuda:1")
