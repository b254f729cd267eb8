"""Fitting a small stand-in network: killed at any step it ends as if it had not been; it stops when it is time."""

import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training import fit as module
from training.features import Columns
from training.fit import Fit, Held, balanced, logits_of, loss_of
from training.networks import Average
from training.plans import Stage
from training.windows import Batch, Example, Windows

STAGES = (Stage(2, 16, 24, 4, 2e-3, 0.9, 2), Stage(1, 24, 16, 4, 1e-3, 0.9, 2))
CPU = torch.device("cpu")


def _small(_: str, outputs: int, divisor: int = 1) -> nn.Module:
    """Has what the real ones have: convolutions, a batch norm, dropout."""
    width = 8 // divisor
    return nn.Sequential(
        nn.Conv2d(3, width, 3, stride=4), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, stride=4),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(width, outputs),
    )  # fmt: skip


@pytest.fixture(autouse=True)
def _stand_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "network_of", _small)
    monkeypatch.setattr(module, "CHECKPOINT_S", -1.0)  # after each step
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # waiting for each other costs more than so little work
    yield
    torch.set_num_threads(threads)


def _columns(seed: int) -> Columns:
    return np.random.default_rng(seed).integers(0, 200, (212, 450), dtype=np.uint8)


@functools.cache
def _held() -> Held:
    shown = np.random.default_rng(7).integers(0, 256, (6, 1, 224, 224), dtype=np.uint8)
    return Held(torch.from_numpy(shown), np.array([0, 1, 0, 1, 0, 1]))


def _fit(checkpoints: Path, **changes: Any) -> Fit:
    checkpoints.mkdir(exist_ok=True)
    facts = np.array([1.0, 0.0], np.float32)
    examples = [Example(_columns(seed), seed % 2, str(seed), composed=True, facts=facts) for seed in range(4)]
    given: dict[str, Any] = {
        "backbone": "small", "classes": 2, "facts": 2, "stages": STAGES, "held": _held(), "checkpoints": checkpoints,
        "windows": Windows(examples, "cqt", "floor80", 2), "seed": 3, "device": CPU,
    }  # fmt: skip
    return Fit(**given | changes)


def _steps(fit: Fit) -> int:
    """How many steps a run takes."""
    told: list[int] = []
    fit.told = lambda _stage, images, _loss: told.append(images)
    fit.run()
    return len(told)


def _same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(bool((one[key] == other[key]).all()) for key in one)


def _killer(stage: int, images: int) -> Callable[[int, int, float], None]:
    def told(now: int, done: int, _: float) -> None:
        if (now, done) == (stage, images):
            raise KeyboardInterrupt

    return told


@pytest.mark.parametrize("held", [True, False])
def test_a_run_that_was_killed_ends_as_if_it_had_not_been(tmp_path: Path, *, held: bool) -> None:
    judges = {} if held else {"held": None}
    whole = _fit(tmp_path / "whole", **judges)
    expected = whole.run()
    for stage, images in ((0, 4), (0, 12), (0, 16), (1, 4), (1, 12)):
        killed = _fit(tmp_path / "killed", told=_killer(stage, images), **judges)
        with pytest.raises(KeyboardInterrupt):
            killed.run()
    last = _fit(tmp_path / "killed", **judges)
    first: list[tuple[int, int]] = []
    last.told = lambda stage, images, _: first.append((stage, images))
    assert _same(last.run(), expected)
    assert first[0] == (1, 12)  # it went on where it was
    assert last.history == whole.history
    assert [one.images for one in whole.history] == ([8, 16, 24, 0, 8, 16] if held else [])
    assert not _same(expected, _fit(tmp_path / "other", seed=4, **judges).run())


def test_a_finished_run_is_not_run_again_and_gives_the_same(tmp_path: Path) -> None:
    once = _fit(tmp_path / "a")
    state = once.run()
    again = _fit(tmp_path / "a")
    assert _steps(again) == 0
    assert _same(again.run(), state)
    assert again.history == once.history


@pytest.mark.parametrize("change", ["seed", "stages", "backbone", "facts_known", "weights", "profile", "held", "start"])
def test_a_checkpoint_of_another_run_is_not_gone_on_from(tmp_path: Path, change: str) -> None:
    fit = _fit(tmp_path / "a")
    fit.run()
    examples = fit.windows.examples
    other = [Example(_columns(9), 0, "0", composed=True, facts=examples[0].facts), *examples[1:]]
    changes: dict[str, dict[str, Any]] = {
        "seed": {"seed": 8},
        "stages": {"stages": (STAGES[0], Stage(1, 24, 16, 4, 5e-4, 0.9, 2))},
        "backbone": {"backbone": "other"},
        "facts_known": {"windows": Windows(other, "cqt", "floor80", 2)},
        "weights": {"windows": Windows(examples, "cqt", "floor80", 2, weights=np.array([1.0, 2.0]))},
        "profile": {"windows": Windows(examples, "cqt", "seed", 2)},
        "held": {"held": Held(_held().pictures, np.array([1, 0, 0, 1, 0, 1]))},
        "start": {"start": _small("", 4, 2).state_dict()},
    }
    begun = _fit(tmp_path / "a", **changes[change])
    assert not begun.goes_on
    assert _steps(begun) == 10
    assert _fit(tmp_path / "a").goes_on  # the other run's is still there
    assert _steps(_fit(tmp_path / "a")) == 0


def test_a_stage_ends_when_nothing_better_comes_and_gives_the_best(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([1.0, 0.5, 0.6, 0.7, 0.1])
    measured: list[dict[str, Tensor]] = []
    plain = Fit._measure

    def noting(self: Fit, network: nn.Module, average: Average, *rest: Any) -> int:
        measured.append({key: value.clone() for key, value in average.state.items()})
        return plain(self, network, average, *rest)

    monkeypatch.setattr(Fit, "_measure", noting)
    monkeypatch.setattr(module, "balanced", lambda *_: (next(losses), 0.5))
    fit = _fit(tmp_path / "a", stages=(Stage(1, 16, 80, 4, 2e-3, 0.9, 2),), patience=1)
    told: list[float] = []
    fit.told = lambda _stage, _images, loss: told.append(loss)
    state = fit.run()
    assert [one.loss for one in fit.history] == [1.0, 0.5, 0.6, 0.7]
    assert len(told) == 8
    assert _same(state, measured[1])
    assert not _same(state, measured[3])
    means = np.array([one.train_loss for one in fit.history], np.float64)
    np.testing.assert_allclose(means, np.reshape(told, (4, 2)).mean(axis=1), rtol=1e-6)


def test_no_stage_ends_worse_than_it_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Stage(2, 16, 16, 4, 2e-3, 0.9, 2), Stage(1, 16, 16, 4, 2e-3, 0.9, 2)
    losses = iter([1.0, 0.5, 0.5, 0.9, 0.8])
    monkeypatch.setattr(module, "balanced", lambda *_: (next(losses), 0.5))
    fit = _fit(tmp_path / "a", stages=(first, second))
    state = fit.run()
    assert [(one.stage, one.images, one.train_loss is None) for one in fit.history] == [
        (0, 8, False), (0, 16, False), (1, 0, True), (1, 8, False), (1, 16, False)
    ]  # fmt: skip
    losses = iter([1.0, 0.5])
    narrow, full = _small("", 4, 2), _small("", 4, 1)
    narrow.load_state_dict(_fit(tmp_path / "b", stages=(first,)).run())
    full.load_state_dict(state)
    torch.testing.assert_close(
        logits_of(full, _held().pictures, CPU), logits_of(narrow, _held().pictures, CPU), rtol=1e-3, atol=1e-3
    )


def test_without_a_stage_there_is_nothing_to_train(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no stage"):
        _fit(tmp_path / "a", stages=()).run()


def test_what_goes_wrong_in_the_drawing_is_raised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Batch:
        raise OSError("the disk is gone")

    monkeypatch.setattr(Windows, "batch", broken)
    with pytest.raises(OSError, match="the disk is gone"):
        _fit(tmp_path / "a").run()


def test_it_learns(tmp_path: Path) -> None:
    even, striped = np.full((212, 450), 60, np.uint8), np.full((212, 450), 20, np.uint8)
    even[::20], striped[::2] = 160, 160
    nothing = np.empty(0, np.float32)
    examples = [Example(one, genre, "", composed=False, facts=nothing) for genre, one in enumerate((even, striped))]
    windows = Windows(examples, "cqt", "floor80", 2, mixup=0.0)
    fit = _fit(
        tmp_path / "a", facts=0, windows=windows, held=None, stages=(Stage(1, 16, 960, 16, 2e-2, 0.9),)
    )  # fmt: skip
    losses: list[float] = []
    fit.told = lambda _stage, _images, loss: losses.append(loss)
    fit.run()
    assert np.mean(losses[-10:]) < 0.8 * np.mean(losses[:5])


def test_facts_count_where_they_are_known() -> None:
    outputs = torch.tensor([[2.0, 0.0, 5.0], [0.0, 1.0, -3.0]])
    genres = torch.eye(2)
    unknown = torch.full((2, 1), float("nan"))
    genre_loss = loss_of(outputs, genres, unknown)
    expected = nn.functional.cross_entropy(outputs[:, :2], genres, label_smoothing=0.05)
    torch.testing.assert_close(genre_loss, expected)
    known = torch.tensor([[1.0], [float("nan")]])
    torch.testing.assert_close(
        loss_of(outputs, genres, known) - genre_loss, 0.5 * torch.log1p(torch.tensor(-5.0).exp())
    )


def test_means_are_over_genres_not_over_recordings() -> None:
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.9, 0.1], [0.8, 0.2]])
    loss, recall = balanced(probabilities, np.array([0, 0, 0, 1]))
    assert recall == 0.5
    assert loss == pytest.approx((-np.log(0.9) - np.log(0.2)) / 2)


def test_logits_do_not_depend_on_the_batches() -> None:
    torch.manual_seed(0)
    network = _small("", 3)
    at_once, in_parts = (logits_of(network, _held().pictures, CPU, batch) for batch in (16, 4))
    assert at_once.shape == (6, 3)
    torch.testing.assert_close(at_once, in_parts)
