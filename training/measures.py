"""How good probabilities are: top-1 and F1 by genre, calibration, the article's confidence bands.

Throughout, `probabilities` has shape (recordings, classes) and rows that sum to 1, and `truth` shape (recordings,)
holds class indexes. Figures are shares, 0-1; one that nothing can be said of (no recording of that kind) is None.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.ensemble import Band, band
from ccmusic_stream.labels import Labels

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BINS = 15
"""Of the calibration error and the reliability diagram, as in Guo 2017."""

_LEAST = 1e-12
"""Probabilities are taken as at least this in logarithms: a network that is surely wrong has a bad, not no, figure."""


@dataclass(frozen=True, slots=True)
class GenreFigures:
    """One genre: how many recordings, how many of them were found, how many that were called so are so, and both."""

    genre: str
    recordings: int
    recall: float | None
    precision: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class BandFigures:
    """One confidence band: which share of the recordings falls into it, and which share of those is wrong."""

    band: Band
    recordings: int
    share: float
    error: float | None


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """First choices with a probability in (low, high]: how many, their mean probability, the share that is right."""

    low: float
    high: float
    recordings: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class Measures:
    """Everything that is measured of one network, or of the ensemble, on one set of recordings.

    `macro_top1` is the mean recall and `macro_f1` the mean F1 of the genres that are there, so that a rare genre counts
    as much as a common one. `speech_accuracy` is how often talk was told from music. `confusion` counts recordings,
    true classes by row, chosen ones by column.
    """

    recordings: int
    top1: float
    macro_top1: float
    macro_f1: float
    ece: float
    nll: float
    speech_accuracy: float | None
    genres: tuple[GenreFigures, ...]
    bands: tuple[BandFigures, ...]
    reliability: tuple[ReliabilityBin, ...]
    confusion: Ints

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self) | {"confusion": self.confusion.tolist()}


def measure(probabilities: Floats, truth: Ints, labels: Labels) -> Measures:
    """All figures at once.

    Raises:
        ValueError: there is no recording, or the shapes do not fit.
    """
    if probabilities.shape != (len(truth), len(labels)) or not len(truth):
        raise ValueError(
            f"probabilities have shape {probabilities.shape}, expected ({len(truth)}, {len(labels)}), at least one row"
        )
    counts = confusion(probabilities, truth)
    genres = by_genre(counts, labels.slugs)
    present = [genre for genre in genres if genre.recordings]
    return Measures(
        recordings=len(truth),
        top1=top1(probabilities, truth),
        macro_top1=float(np.mean([genre.recall for genre in present])),
        macro_f1=float(np.mean([genre.f1 for genre in present])),
        ece=expected_calibration_error(probabilities, truth),
        nll=nll(probabilities, truth),
        speech_accuracy=speech_accuracy(probabilities, truth, labels),
        genres=genres,
        bands=bands(probabilities, truth),
        reliability=reliability(probabilities, truth),
        confusion=counts,
    )


def top1(probabilities: Floats, truth: Ints) -> float:
    """Share of recordings whose first choice is right."""
    return float(np.mean(probabilities.argmax(axis=1) == truth))


def nll(probabilities: Floats, truth: Ints) -> float:
    """Mean negative log-likelihood of the truth, in nats."""
    return float(-np.mean(np.log(np.maximum(probabilities[np.arange(len(truth)), truth], _LEAST))))


def confusion(probabilities: Floats, truth: Ints) -> Ints:
    """Counts, shape (classes, classes): true classes by row, first choices by column."""
    counts = np.zeros((probabilities.shape[1],) * 2, np.int64)
    np.add.at(counts, (truth, probabilities.argmax(axis=1)), 1)
    return counts


def by_genre(counts: Ints, slugs: Sequence[str]) -> tuple[GenreFigures, ...]:
    """Recall, precision and F1 of each class, from a confusion matrix."""
    figures = []
    for index, slug in enumerate(slugs):
        there, called, right = int(counts[index].sum()), int(counts[:, index].sum()), int(counts[index, index])
        figures.append(
            GenreFigures(
                genre=slug,
                recordings=there,
                recall=right / there if there else None,
                precision=right / called if called else None,
                f1=2 * right / (there + called) if there else None,
            )
        )
    return tuple(figures)


def reliability(probabilities: Floats, truth: Ints, bins: int = BINS) -> tuple[ReliabilityBin, ...]:
    """Bins of equal width over the first choice's probability (Guo et al. 2017, "On Calibration of Modern Neural
    Networks", section 2): the m-th of M holds those in ((m-1)/M, m/M].
    """  # noqa: D205 - the source's title does not fit into one line
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == truth
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    found = []
    for index in range(bins):
        inside = place == index
        count = int(inside.sum())
        found.append(
            ReliabilityBin(
                low=float(edges[index]),
                high=float(edges[index + 1]),
                recordings=count,
                confidence=float(confidence[inside].mean()) if count else None,
                accuracy=float(right[inside].mean()) if count else None,
            )
        )
    return tuple(found)


def expected_calibration_error(probabilities: Floats, truth: Ints, bins: int = BINS) -> float:
    """Guo 2017, equation 3: the bins' |accuracy - confidence|, weighted by how many recordings they hold."""
    return sum(
        abs(found.accuracy - found.confidence) * found.recordings / len(truth)
        for found in reliability(probabilities, truth, bins)
        if found.accuracy is not None and found.confidence is not None
    )


def bands(probabilities: Floats, truth: Ints) -> tuple[BandFigures, ...]:
    """The article's three bands, from the surest."""
    named = [band(float(confidence)) for confidence in probabilities.max(axis=1)]
    wrong = probabilities.argmax(axis=1) != truth
    found = []
    order: tuple[Band, ...] = ("reliable", "check", "unsure")
    for name in order:
        inside = np.array([other == name for other in named])
        count = int(inside.sum())
        found.append(BandFigures(name, count, count / len(truth), float(wrong[inside].mean()) if count else None))
    return tuple(found)


def speech_accuracy(probabilities: Floats, truth: Ints, labels: Labels) -> float | None:
    """How often talk and music are told apart by the first choice; None where the recordings hold only one of them."""
    music = np.array([label.music for label in labels])
    if music[truth].all() or not music[truth].any():
        return None
    return float(np.mean(music[probabilities.argmax(axis=1)] == music[truth]))
