"""The networks' votes, with networks that are made here, and the article's clips."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ccmusic_stream import classifier as room
from ccmusic_stream.classifier import CLIP_SAMPLES, Classifier, Vote, clip_starts, clip_windows, pick_device
from ccmusic_stream.errors import AudioError, DeviceError
from ccmusic_stream.geometry import BINS, SAMPLE_RATE, WINDOW_COLUMNS, Spectrogram
from ccmusic_stream.models.bundle import ModelSpec
from ccmusic_stream.picture import network_input, picture
from ccmusic_stream.spectrogram import Transforms

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


def of(networks: Mapping[str, nn.Module], **specs: ModelSpec) -> Classifier:
    return Classifier({name: specs.get(name, spec(name)) for name in networks}, networks, CPU)


@pytest.fixture(scope="module")
def windows() -> dict[Spectrogram, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {kind: torch.rand(bins, WINDOW_COLUMNS, generator=generator) ** 4 for kind, bins in BINS.items()}


def probabilities(vote: Vote) -> list[float]:
    assert vote.error is None
    assert vote.probabilities is not None
    return [float(p) for p in vote.probabilities]


def test_a_vote_is_the_softmax_of_the_logits(windows: dict[Spectrogram, Tensor]) -> None:
    vote = of({"a": Says(2.0, 1.0, -1.0)}).votes(windows)["a"]
    expected = np.exp([2.0, 1.0, -1.0]) / np.exp([2.0, 1.0, -1.0]).sum()
    assert probabilities(vote) == pytest.approx(expected.tolist())
    assert vote.probabilities is not None
    assert vote.probabilities.dtype == np.float32
    assert vote.ms > 0


def test_logits_are_divided_by_the_temperature(windows: dict[Spectrogram, Tensor]) -> None:
    voters = of({"a": Says(2.0, 0.0), "b": Says(4.0, 0.0)}, b=spec("b", temperature=2.0))
    votes = voters.votes(windows)
    assert probabilities(votes["b"]) == pytest.approx(probabilities(votes["a"]))


def test_models_vote_in_the_order_they_were_loaded(windows: dict[Spectrogram, Tensor]) -> None:
    voters = of({"z": Says(1.0, 0.0), "a": Says(1.0, 0.0)})
    assert voters.names == ("z", "a")
    assert list(voters.votes(windows)) == ["z", "a"]


def test_a_model_that_was_not_loaded_does_not_vote(windows: dict[Spectrogram, Tensor]) -> None:
    voters = Classifier({"a": spec("a"), "b": spec("b")}, {"b": Says(1.0, 0.0)}, CPU)
    assert list(voters.votes(windows)) == ["b"]


def test_each_model_sees_its_own_picture_normalised(windows: dict[Spectrogram, Tensor]) -> None:
    networks = {"cqt": Says(1.0, 0.0), "mel": Says(1.0, 0.0), "floor": Says(1.0, 0.0)}
    of(networks, mel=spec("mel", "mel"), floor=spec("floor", "mel", profile="floor80")).votes(windows)
    for name, kind, profile in (("cqt", "cqt", "seed"), ("mel", "mel", "seed"), ("floor", "mel", "floor80")):
        wanted: Spectrogram = "cqt" if kind == "cqt" else "mel"
        [shown] = networks[name].shown
        expected = network_input(picture(wanted, windows[wanted].unsqueeze(0), profile), MEAN, STD)
        assert torch.equal(shown, expected)


def test_each_distinct_picture_is_made_once_a_hop(
    windows: dict[Spectrogram, Tensor], monkeypatch: pytest.MonkeyPatch
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
    windows: dict[Spectrogram, Tensor], error: Exception
) -> None:
    votes = of({"a": Says(1.0, 0.0), "bad": Raises(error), "c": Says(0.0, 1.0)}).votes(windows)
    assert votes["bad"].probabilities is None
    assert votes["bad"].error == f"{type(error).__name__}: {error}"
    assert probabilities(votes["a"])[0] > 0.7
    assert probabilities(votes["c"])[1] > 0.7


@pytest.mark.parametrize("logits", [(float("nan"), 0.0), (float("inf"), 0.0), (float("-inf"), float("-inf"))])
def test_a_model_that_returns_no_number_is_left_out_and_named(
    windows: dict[Spectrogram, Tensor], logits: tuple[float, float]
) -> None:
    votes = of({"bad": Says(*logits), "c": Says(0.0, 1.0)}).votes(windows)
    assert votes["bad"].probabilities is None
    assert votes["bad"].error == "gave NaN instead of probabilities"
    assert probabilities(votes["c"])[1] > 0.7


def test_a_model_that_failed_once_votes_again(windows: dict[Spectrogram, Tensor]) -> None:
    network = Says(float("nan"), 0.0)
    voters = of({"a": network})
    assert voters.votes(windows)["a"].error is not None
    network.logits = torch.tensor([[3.0, 0.0]])
    assert probabilities(voters.votes(windows)["a"])[0] > 0.9


def test_a_profile_that_cannot_be_drawn_fails_its_models_only(windows: dict[Spectrogram, Tensor]) -> None:
    votes = of({"a": Says(1.0, 0.0), "b": Says(1.0, 0.0)}, a=spec("a", profile="sepia")).votes(windows)
    assert votes["a"].error == "ValueError: profile 'sepia' cannot be drawn; known are seed, floor80, ccmusic"
    assert votes["b"].error is None


def test_networks_are_switched_to_evaluation(windows: dict[Spectrogram, Tensor]) -> None:
    network = DropsEverything().train()
    assert probabilities(of({"a": network}).votes(windows)["a"])[0] > 0.9


def test_windows_of_an_untouched_gradient_tape(windows: dict[Spectrogram, Tensor]) -> None:
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    assert sum(probabilities(of({"a": network}).votes(windows)["a"])) == pytest.approx(1)


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
def test_a_fault_of_the_cuda_device_is_nobodys_vote(
    windows: dict[Spectrogram, Tensor], monkeypatch: pytest.MonkeyPatch, error: Exception, sick: bool
) -> None:
    def synchronize(_device: torch.device) -> None:
        if sick:
            raise PoisonedError

    monkeypatch.setattr(torch.cuda, "synchronize", synchronize)
    voters = of({"a": Says(1.0, 0.0), "b": Raises(error)})
    voters._device = torch.device("cuda")
    with pytest.raises(PoisonedError if sick else type(error)):
        voters.votes(windows)


def test_a_model_that_raises_on_a_sound_cuda_device_is_left_out(
    windows: dict[Spectrogram, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _device: None)
    voters = of({"a": Says(1.0, 0.0), "b": Raises(RuntimeError("shapes"))})
    voters._device = torch.device("cuda")
    votes = voters.votes(windows)
    assert votes["a"].error is None
    assert votes["b"].error == "RuntimeError: shapes"


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


class Records(Transforms):
    """Keeps the clip that it is given instead of transforming it."""

    def __init__(self) -> None:
        super().__init__(centre=True)
        self.clips: list[Tensor] = []

    def columns(self, kind: Spectrogram, samples: Tensor) -> Tensor:
        self.clips.append(samples)
        return torch.zeros(BINS[kind], WINDOW_COLUMNS)


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
        assert torch.equal(clip, waveform[0])
        assert clip.dtype == torch.float32


def test_a_clip_gives_both_windows_centred() -> None:
    sound = np.sin(2 * np.pi * 440 * np.arange(3 * SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    before = sound.copy()
    with torch.inference_mode():
        transforms = Transforms(centre=True)
    windows = clip_windows(sound, transforms, CPU)
    assert {kind: tuple(window.shape) for kind, window in windows.items()} == {"cqt": (84, 431), "mel": (128, 431)}
    assert set(windows["cqt"][:, 20:-20].argmax(dim=0).tolist()) == {45}  # A4
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
