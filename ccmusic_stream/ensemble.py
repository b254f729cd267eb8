"""What five votes say together: their weighted mean, how far they agree, and who contends."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Band = Literal["reliable", "check", "unsure"]

RELIABLE = 0.85
CHECK = 0.65
"""The article's bands: above 85 % trust, 70-85 % look at the other models, below 65 % unusual (DESIGN: 0.85, 0.65)."""

SPLIT_BELOW = 0.8
"""With less than this share of the models on one genre (four of five) the vote counts as split."""

MAX_CONTENDERS = 3


@dataclass(frozen=True, slots=True)
class EnsembleVote:
    """The joint vote of one hop.

    `probabilities` shape (classes,), sums to 1; weights and temperature of the ensemble are in them, and in nothing
    else but the order of the contenders. `agreement` is the share of models with the commonest first choice,
    0-1; `divergence` the generalised Jensen-Shannon divergence of the votes, 0 (all alike) to 1; `contenders` are
    class indexes that are some model's first choice, likeliest first, when the vote is split; else empty.
    """

    probabilities: NDArray[np.float64]
    agreement: float
    divergence: float
    contenders: tuple[int, ...]


def combine(
    votes: Mapping[str, NDArray[np.floating]], weights: Mapping[str, float] | None = None, temperature: float = 1.0
) -> EnsembleVote:
    """Join the models' probabilities, each of shape (classes,); models without a vote are simply not in `votes`.

    The mean is weighted by `weights` (> 0, by model; one that has none counts 1), as shares of those that voted. Its
    logarithm is divided by `temperature` (> 0) and made probabilities again: the mean of calibrated votes that differ
    is too unsure of itself, which one below 1 mends. A vote that stands alone is no mean and stays as it is.

    Raises:
        ValueError: there is no vote at all, or a weight or the temperature is not above 0.
    """
    if not votes:
        raise ValueError("an ensemble needs at least one vote")
    stacked = np.stack([np.asarray(vote, dtype=np.float64) for vote in votes.values()])  # (models, classes)
    shares = np.array([(weights or {}).get(name, 1.0) for name in votes])
    if not (shares > 0).all() or not temperature > 0:
        raise ValueError(f"weights and temperature must be above 0, not {shares.tolist()} and {temperature}")
    mean = np.average(stacked, axis=0, weights=shares)
    if len(stacked) > 1:
        mean = tempered(mean, temperature)
    firsts = stacked.argmax(axis=1)
    agreement = float(np.bincount(firsts).max()) / len(firsts)
    contenders: tuple[int, ...] = ()
    if agreement < SPLIT_BELOW:
        ranked = sorted({int(first) for first in firsts}, key=lambda index: -mean[index])
        contenders = tuple(ranked[:MAX_CONTENDERS])
    return EnsembleVote(mean, agreement, divergence(stacked), contenders)


def tempered(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Probabilities (classes,) whose logarithm was divided by `temperature` (> 0): sharper below 1, flatter above."""
    if temperature == 1.0:
        return probabilities
    # Relative to the likeliest, so that no power of a small number loses them all; none stays none.
    powers = (probabilities / probabilities.max()) ** (1 / temperature)
    return np.asarray(powers / powers.sum())


def divergence(votes: NDArray[np.float64]) -> float:
    """Generalised Jensen-Shannon divergence of votes (models, classes), divided by its bound: 0-1.

    H(mean of votes) - mean of H(vote), at most log of the number of votes (Lin 1991, "Divergence measures based on
    the Shannon entropy"), or of the number of classes where that is less.
    """
    models, classes = votes.shape
    if models < 2:
        return 0.0
    spread = _entropy(votes.mean(axis=0)) - float(np.mean([_entropy(vote) for vote in votes]))
    return float(np.clip(spread / np.log(min(models, classes)), 0.0, 1.0))


def band(probability: float) -> Band:
    """How far a probability may be trusted."""
    if probability >= RELIABLE:
        return "reliable"
    return "check" if probability >= CHECK else "unsure"


def _entropy(probabilities: NDArray[np.float64]) -> float:
    positive = probabilities[probabilities > 0]
    return float(-np.sum(positive * np.log(positive)))
