"""Pictures are written, of whatever numbers there are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training.measures import reliability
from training.plots import confusion_matrix, loss_curves, reliability_diagram


def _pixels(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def test_loss_curves_have_a_chart_for_each_model(tmp_path: Path) -> None:
    losses = [2.0, 1.0, 0.5]
    loss_curves(tmp_path / "one.png", {"a": losses}, {"a": losses})
    loss_curves(tmp_path / "four.png", dict.fromkeys("abcd", losses), {"a": losses})
    one, four = _pixels(tmp_path / "one.png"), _pixels(tmp_path / "four.png")
    assert four.shape[0] == 2 * one.shape[0]
    assert four.shape[1] == 3 * one.shape[1]
    with pytest.raises(ValueError, match="no model"):
        loss_curves(tmp_path / "none.png", {}, {})


def test_confusion_leaves_out_classes_that_do_not_occur(tmp_path: Path) -> None:
    counts = np.zeros((4, 4), np.int64)
    counts[0, 0], counts[1, 0] = 5, 2
    confusion_matrix(tmp_path / "all.png", counts + np.eye(4, dtype=np.int64), ["a", "b", "c", "d"])
    confusion_matrix(tmp_path / "two.png", counts, ["a", "b", "c", "d"], "title")
    assert _pixels(tmp_path / "two.png").shape[0] < _pixels(tmp_path / "all.png").shape[0]
    assert _pixels(tmp_path / "two.png").std() > 1.0


def test_reliability_of_few_and_of_many(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in (1, 500):
        probabilities = rng.dirichlet(np.ones(3), number)
        path = tmp_path / "new" / f"{number}.png"
        reliability_diagram(path, reliability(probabilities, rng.integers(0, 3, number)), 0.1, "x")
        assert _pixels(path).std() > 1.0
