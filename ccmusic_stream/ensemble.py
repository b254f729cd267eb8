"""What five votes say together: the mean, how far they agree, and who contends."""

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

    `probabilities` shape (classes,), sums to 1. `agreement` is the share of models with the commonest first choice,
    0-1; `divergence` the generalised Jensen-Shannon divergence of the votes, 0 (all alike) to 1; `contenders` are
    class indexes that are some model's first choice, likeliest first, when the vote is split; else empty.
    """

    probabilities: NDArray[np.float64]
    agreement: float
    divergence: float
    contenders: tuple[int, ...]


def combine(votes: Mapping[str, NDArray[np.floating]]) -> EnsembleVote:
    """Join the models' probabilities, each of shape (classes,); models without a vote are simply not in `votes`.

    Raises:
        ValueError: there is no vote at all.
    """
    if not votes:
        raise ValueError("an ensemble needs at least one vote")
    stacked = np.stack([np.asarray(vote, dtype=np.float64) for vote in votes.values()])  # (models, classes)
    mean = stacked.mean(axis=0)
    firsts = stacked.argmax(axis=1)
    agreement = float(np.bincount(firsts).max()) / len(firsts)
    contenders: tuple[int, ...] = ()
    if agreement < SPLIT_BELOW:
        ranked = sorted({int(first) for first in firsts}, key=lambda index: -mean[index])
        contenders = tuple(ranked[:MAX_CONTENDERS])
    return EnsembleVote(mean, agreement, divergence(stacked), contenders)


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
