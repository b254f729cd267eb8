"""Temperatures, weights and the ensemble's temperature find what was hidden in the logits."""

import numpy as np
import pytest

from ccmusic_stream.ensemble import combine
from training.calibration import (
    calibrate,
    mixture,
    mixture_weights,
    sharpened,
    softmax,
    temperature,
    uncalibrated,
)
from training.measures import Floats, Ints, expected_calibration_error, nll

CLASSES = 5


def _honest(rng: np.random.Generator, recordings: int, signal: float) -> tuple[Floats, Ints]:
    """Logits that are log posteriors up to a constant, and truths: noise of deviation 1 about a one-hot `signal`."""
    truth = rng.integers(0, CLASSES, recordings)
    seen = rng.normal(0.0, 1.0, (recordings, CLASSES))
    seen[np.arange(recordings), truth] += signal
    return signal * seen, truth


@pytest.mark.parametrize("hidden", [0.4, 1.0, 3.0])
def test_a_temperature_is_found(hidden: float) -> None:
    logits, truth = _honest(np.random.default_rng(1), 8_000, 2.0)
    assert temperature(logits * hidden, truth) == pytest.approx(hidden, rel=0.08)


def test_no_neighbouring_temperature_is_better() -> None:
    logits, truth = _honest(np.random.default_rng(2), 300, 1.5)
    best = temperature(logits, truth)
    at_best = nll(softmax(logits, best), truth)
    assert at_best < nll(softmax(logits, best * 1.02), truth)
    assert at_best < nll(softmax(logits, best / 1.02), truth)


def test_weights_favour_the_better_network_but_keep_all() -> None:
    rng = np.random.default_rng(3)
    good, truth = _honest(rng, 2_000, 2.5)
    noise = rng.normal(0.0, 1.0, good.shape)
    votes = np.stack([softmax(good), softmax(noise)])
    weights = mixture_weights(votes, truth)
    assert weights.sum() == pytest.approx(1.0)
    assert weights[0] > 0.85
    assert weights[0] < mixture_weights(votes, truth, 2.0)[0]
    assert weights[1] > 0.0
    assert nll(mixture(votes, weights), truth) < nll(votes.mean(axis=0), truth)


def test_a_strong_pull_gives_equal_weights() -> None:
    rng = np.random.default_rng(4)
    good, truth = _honest(rng, 200, 2.5)
    votes = np.stack([softmax(good), softmax(rng.normal(0.0, 1.0, good.shape))])
    assert mixture_weights(votes, truth, 1e6) == pytest.approx([0.5, 0.5], abs=1e-3)


def test_networks_that_are_alike_get_equal_weights() -> None:
    logits, truth = _honest(np.random.default_rng(5), 200, 2.0)
    assert mixture_weights(np.stack([softmax(logits)] * 3), truth) == pytest.approx([1 / 3] * 3)


def test_the_ensemble_gets_likelier_and_more_honest() -> None:
    rng = np.random.default_rng(6)
    truth = rng.integers(0, CLASSES, 4_000)
    logits = {}
    for name, signal, hidden in (("a", 2.0, 4.0), ("b", 1.5, 0.3), ("c", 1.0, 2.0)):
        seen = rng.normal(0.0, 1.0, (len(truth), CLASSES))
        seen[np.arange(len(truth)), truth] += signal
        logits[name] = signal * seen * hidden
    found = calibrate(logits, truth)
    joint = found.probabilities(logits)
    raw = np.mean([softmax(values) for values in logits.values()], axis=0)
    assert joint.sum(axis=1) == pytest.approx(np.ones(len(truth)))
    assert found.nll == pytest.approx(nll(joint, truth))
    assert found.nll_raw == pytest.approx(nll(raw, truth))
    assert found.nll < found.nll_raw
    assert expected_calibration_error(joint, truth) < expected_calibration_error(raw, truth)
    assert found.weights["a"] > found.weights["c"]
    assert found.ensemble_temperature < 1.0  # a mean of votes that differ is less sure than it could be


def test_the_engine_joins_votes_as_they_were_calibrated() -> None:
    rng = np.random.default_rng(7)
    logits = {name: rng.normal(0.0, 2.0, (30, CLASSES)) for name in ("a", "b", "c")}
    found = calibrate(logits, rng.integers(0, CLASSES, 30))
    votes = {name: softmax(values[0], found.temperatures[name]) for name, values in logits.items()}
    joint = combine(votes, found.weights, found.ensemble_temperature).probabilities
    assert joint == pytest.approx(found.probabilities(logits)[0], abs=1e-9)


def test_sharpening_by_one_changes_nothing() -> None:
    probabilities = softmax(np.random.default_rng(8).normal(0.0, 2.0, (10, CLASSES)))
    assert sharpened(probabilities, 1.0) == pytest.approx(probabilities)
    assert sharpened(probabilities, 0.5).max() > probabilities.max()


def test_nothing_cannot_be_calibrated() -> None:
    with pytest.raises(ValueError, match="0 models"):
        calibrate({}, np.array([0]))
    with pytest.raises(ValueError, match="0 recordings"):
        calibrate({"a": np.empty((0, CLASSES))}, np.empty(0, np.int64))


def test_where_every_recording_is_right_the_temperature_stays_honest() -> None:
    rng = np.random.default_rng(8)
    truth = rng.integers(0, CLASSES, 60)
    logits = rng.normal(0.0, 0.5, (60, CLASSES))
    logits[np.arange(60), truth] += 4.0
    assert (logits.argmax(axis=1) == truth).all()
    assert temperature(logits, truth) > 0.3  # the likelihood alone would have it be 0.05


def test_with_nothing_held_out_nothing_is_moved() -> None:
    logits, truth = _honest(np.random.default_rng(9), 50, 2.0)
    found = uncalibrated({"a": logits, "b": logits}, truth)
    assert (found.temperatures, found.weights, found.ensemble_temperature) == (
        {"a": 1.0, "b": 1.0}, {"a": 0.5, "b": 0.5}, 1.0
    )  # fmt: skip
    np.testing.assert_allclose(found.probabilities({"a": logits, "b": logits}), softmax(logits))
