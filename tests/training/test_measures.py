"""Figures of small cases that can be reckoned by hand."""

import numpy as np
import pytest

from ccmusic_stream.labels import Label, Labels
from training.measures import (
    bands,
    by_genre,
    confusion,
    expected_calibration_error,
    measure,
    nll,
    reliability,
    speech_accuracy,
    top1,
)

LABELS = Labels(
    [Label("jazz", "Jazz", "爵士"), Label("rock", "Rock", "摇滚"), Label("speech", "Speech", "语音", music=False)]
)
PROBABILITIES = np.array(
    [
        [0.90, 0.05, 0.05],  # jazz, right and sure
        [0.70, 0.20, 0.10],  # jazz for rock
        [0.10, 0.60, 0.30],  # rock, right
        [0.40, 0.25, 0.35],  # jazz for speech
    ]
)
TRUTH = np.array([0, 1, 1, 2])


def test_firsts_and_confusion() -> None:
    assert top1(PROBABILITIES, TRUTH) == 0.5
    assert confusion(PROBABILITIES, TRUTH).tolist() == [[1, 0, 0], [1, 1, 0], [1, 0, 0]]


def test_figures_by_genre() -> None:
    jazz, rock, speech = by_genre(confusion(PROBABILITIES, TRUTH), LABELS.slugs)
    assert (jazz.recall, jazz.precision, jazz.f1) == (1.0, 1 / 3, 0.5)
    assert (rock.recall, rock.precision) == (0.5, 1.0)
    assert rock.f1 == pytest.approx(2 / 3)
    assert (speech.recall, speech.precision, speech.f1) == (0.0, None, 0.0)


def test_macro_figures_leave_out_genres_that_are_not_there() -> None:
    measures = measure(PROBABILITIES[:3], TRUTH[:3], LABELS)
    assert measures.macro_top1 == pytest.approx((1.0 + 0.5) / 2)
    assert measures.genres[2].recall is None
    assert measures.macro_f1 == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert measures.speech_accuracy is None


def test_likelihood_of_the_truth() -> None:
    assert nll(PROBABILITIES, TRUTH) == pytest.approx(-np.log([0.90, 0.20, 0.60, 0.35]).mean())
    assert np.isfinite(nll(np.array([[1.0, 0.0]]), np.array([1])))


def test_calibration_error_of_single_bins() -> None:
    error = (0.1 + 0.7 + 0.4 + 0.4) / 4  # each recording is alone in its bin
    assert expected_calibration_error(PROBABILITIES, TRUTH) == pytest.approx(error)


def test_calibration_error_averages_within_a_bin() -> None:
    probabilities = np.array([[0.62, 0.38], [0.66, 0.34]])
    assert expected_calibration_error(probabilities, np.array([0, 1])) == pytest.approx(abs(0.5 - 0.64))


def test_honest_probabilities_have_a_small_calibration_error() -> None:
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(4), 20_000)
    truth = (rng.random((20_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1).clip(max=3)
    assert expected_calibration_error(probabilities, truth) < 0.02
    assert expected_calibration_error(probabilities, (truth + 1) % 4) > 0.2


def test_bins_hold_their_upper_edge() -> None:
    bins = reliability(np.array([[0.6, 0.4], [1.0, 0.0]]), np.array([0, 0]), bins=5)
    assert [found.recordings for found in bins] == [0, 0, 1, 0, 1]
    assert bins[0].accuracy is None
    assert [bins[2].low, bins[2].high] == pytest.approx([0.4, 0.6])


def test_bands_and_their_errors() -> None:
    found = [(one.band, one.recordings, one.share, one.error) for one in bands(PROBABILITIES, TRUTH)]
    assert found == [("reliable", 1, 0.25, 0.0), ("check", 1, 0.25, 1.0), ("unsure", 2, 0.5, 0.5)]
    assert bands(PROBABILITIES[:1], TRUTH[:1])[2].error is None


def test_talk_against_music_does_not_mind_the_genre() -> None:
    assert speech_accuracy(PROBABILITIES, TRUTH, LABELS) == 0.75


def test_measures_are_plain_values_and_refuse_other_shapes() -> None:
    plain = measure(PROBABILITIES, TRUTH, LABELS).to_dict()
    assert plain["confusion"] == [[1, 0, 0], [1, 1, 0], [1, 0, 0]]
    assert plain["genres"][0]["genre"] == "jazz"
    with pytest.raises(ValueError, match="expected"):
        measure(PROBABILITIES[:, :2], TRUTH, LABELS)
    with pytest.raises(ValueError, match="at least one row"):
        measure(PROBABILITIES[:0], TRUTH[:0], LABELS)
