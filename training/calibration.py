"""Makes networks' and the ensemble's probabilities honest, on recordings that were held out of training.

Each network gets a temperature T (Guo 2017, section 4.2), the networks together weights w that sum to 1, and their
mixture a temperature of its own: p = softmax(log(Σ w·softmax(z/T)) / T_ensemble). Logits have shape (recordings,
classes), truth shape (recordings,).
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from training.measures import Floats, Ints, nll

PULL_TO_EQUAL = 200.0
"""Nats of penalty, over all recordings together, for each nat of divergence from equal weights: five votes are asked
for so that one network's luck on a small set does not decide. Of 199 windows by 24 artists, eight times divided by
artist, the likelihood of those left out rose with the pull, from -1.84 nats a window at 2 to -1.73 at 200 and above.
"""

PULL_TO_ONE = 2.0
"""Nats of penalty, over all recordings together, for each squared unit of log T: where every recording held out is
right, the likelihood alone would have T vanish and every probability be 1. A hundred recordings outweigh it by far.
"""

_LOG_LOW, _LOG_HIGH = np.log(0.05), np.log(20.0)
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0
_PRECISION = 1e-4
"""Of log T: a temperature is found to one part in 10,000."""

_LEAST = 1e-12


@dataclass(frozen=True, slots=True)
class Calibration:
    """Temperatures and weights (which sum to 1) by model, and the ensemble's temperature.

    `nll_raw` is the mean negative log-likelihood, in nats, of the uncalibrated networks' equal mean on the held-out
    recordings, `nll` that of the calibrated ensemble.
    """

    temperatures: Mapping[str, float]
    weights: Mapping[str, float]
    ensemble_temperature: float
    nll_raw: float
    nll: float

    def probabilities(self, logits: Mapping[str, NDArray[np.floating]]) -> Floats:
        """The ensemble's probabilities, shape (recordings, classes), from each model's logits."""
        votes = np.stack([softmax(logits[name], self.temperatures[name]) for name in self.weights])
        return sharpened(mixture(votes, np.array(list(self.weights.values()))), self.ensemble_temperature)


def uncalibrated(logits: Mapping[str, NDArray[np.floating]], truth: Ints) -> Calibration:
    """Temperatures of 1 and equal weights: where nothing was held out, there is nothing to find better ones on."""
    raw = np.mean([softmax(values) for values in logits.values()], axis=0)
    ones, equal = dict.fromkeys(logits, 1.0), dict.fromkeys(logits, 1.0 / len(logits))
    return Calibration(ones, equal, 1.0, nll_raw=nll(raw, truth), nll=nll(raw, truth))


def calibrate(
    logits: Mapping[str, NDArray[np.floating]], truth: Ints, pull_to_equal: float = PULL_TO_EQUAL
) -> Calibration:
    """Find temperatures, weights and the ensemble's temperature one after another, each for the least NLL.

    Raises:
        ValueError: there is no model or no recording.
    """
    if not logits or not len(truth):
        raise ValueError(f"calibration needs models and recordings, got {len(logits)} models, {len(truth)} recordings")
    temperatures = {name: temperature(values, truth) for name, values in logits.items()}
    votes = np.stack([softmax(values, temperatures[name]) for name, values in logits.items()])
    weights = mixture_weights(votes, truth, pull_to_equal)
    joint = mixture(votes, weights)
    ensemble_temperature = _least(lambda value: nll(sharpened(joint, value), truth) + _pull(value, len(truth)))
    raw = np.mean([softmax(values) for values in logits.values()], axis=0)
    return Calibration(
        temperatures=temperatures,
        weights=dict(zip(logits, map(float, weights), strict=True)),
        ensemble_temperature=ensemble_temperature,
        nll_raw=nll(raw, truth),
        nll=nll(sharpened(joint, ensemble_temperature), truth),
    )


def temperature(logits: NDArray[np.floating], truth: Ints) -> float:
    """The temperature, 0.05-20, that makes a network's held-out truth likeliest, pulled towards 1."""
    return _least(lambda value: nll(softmax(logits, value), truth) + _pull(value, len(truth)))


def _pull(temperature_: float, recordings: int) -> float:
    return PULL_TO_ONE * math.log(temperature_) ** 2 / recordings


def mixture_weights(votes: Floats, truth: Ints, pull_to_equal: float = PULL_TO_EQUAL) -> Floats:
    """Weights, shape (models,), that make the truth likeliest under the mixture of votes (models, recordings, classes).

    They are a softmax of free numbers, so that they stay positive and sum to 1, found by L-BFGS. The penalty is
    KL(equal ‖ w), which grows without bound as a weight vanishes.
    """
    of_truth = torch.from_numpy(votes[:, np.arange(len(truth)), truth])  # (models, recordings)
    free = torch.zeros(len(votes), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([free], max_iter=200, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimiser.zero_grad()
        log_weights = free.log_softmax(dim=0)
        likelihood = (log_weights.exp() @ of_truth).clamp_min(_LEAST).log().mean()
        from_equal = -log_weights.mean() - math.log(len(votes))
        total: torch.Tensor = pull_to_equal / len(truth) * from_equal - likelihood
        torch.autograd.backward(total)
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    weights: Floats = free.detach().softmax(dim=0).numpy()
    return weights


def mixture(votes: Floats, weights: Floats) -> Floats:
    """Weighted mean of votes (models, recordings, classes), shape (recordings, classes)."""
    joint: Floats = np.tensordot(weights, votes, axes=1)
    return joint


def sharpened(probabilities: Floats, temperature_: float) -> Floats:
    """Probabilities at a temperature: above 1 flatter, below 1 sharper."""
    return softmax(np.log(np.maximum(probabilities, _LEAST)), temperature_)


def softmax(logits: NDArray[np.floating], temperature_: float = 1.0) -> Floats:
    """Probabilities of logits at a temperature, over the last axis."""
    scaled = np.asarray(logits, np.float64) / temperature_
    powers = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
    probabilities: Floats = powers / powers.sum(axis=-1, keepdims=True)
    return probabilities


def _least(loss: Callable[[float], float]) -> float:
    """The temperature with the least loss, by golden sections of its logarithm: the loss has one valley over it."""
    low, high = float(_LOG_LOW), float(_LOG_HIGH)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(float(np.exp(left))), loss(float(np.exp(right)))
    while high - low > _PRECISION:
        if at_left < at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(float(np.exp(left)))
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(float(np.exp(right)))
    return float(np.exp((low + high) / 2.0))
