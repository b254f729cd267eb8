"""What the votes say together."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from ccmusic_stream.ensemble import band, combine, divergence, tempered

Votes = NDArray[np.float64]


def one_hots(*classes: int, of: int) -> dict[str, Votes]:
    return {f"model {number}": np.eye(of)[index] for number, index in enumerate(classes)}


def random_votes(random: np.random.Generator) -> Votes:
    """Of 1 to 9 models on 2 to 16 classes, from nearly uniform to nearly certain."""
    classes = int(random.integers(2, 17))
    return random.dirichlet(np.full(classes, 10 ** random.uniform(-1.5, 1.5)), size=int(random.integers(1, 10)))


@pytest.mark.parametrize("seed", range(20))
def test_holds_for_any_votes(seed: int) -> None:
    random = np.random.default_rng(seed)
    for _ in range(20):
        votes = random_votes(random)
        joint = combine({str(number): vote.astype(np.float32) for number, vote in enumerate(votes)})
        firsts = votes.astype(np.float32).argmax(axis=1)

        assert joint.probabilities.sum() == pytest.approx(1, abs=1e-5)
        np.testing.assert_allclose(joint.probabilities, votes.mean(axis=0), atol=1e-6)
        assert joint.agreement == pytest.approx(max(np.mean(firsts == first) for first in firsts))
        assert 0 <= joint.divergence <= 1

        if joint.agreement >= 0.8:
            assert joint.contenders == ()
        else:
            assert 2 <= len(joint.contenders) <= 3
            assert set(joint.contenders) <= set(firsts.tolist())
            shares = [joint.probabilities[index] for index in joint.contenders]
            assert shares == sorted(shares, reverse=True)
            left_out = set(firsts.tolist()) - set(joint.contenders)
            assert all(joint.probabilities[index] <= shares[-1] for index in left_out)

        shuffled = random.permutation(len(votes))
        other = combine({str(number): votes[number].astype(np.float32) for number in shuffled})
        assert other.divergence == pytest.approx(joint.divergence, abs=1e-9)
        assert (other.agreement, other.contenders) == (joint.agreement, joint.contenders)


@pytest.mark.parametrize("seed", range(5))
def test_divergence_is_the_mean_divergence_from_the_mean(seed: int) -> None:
    votes = np.random.default_rng(seed).dirichlet(np.ones(8), size=5)
    mean = votes.mean(axis=0)
    kullback_leibler = np.mean([np.sum(vote * np.log(vote / mean)) for vote in votes])
    assert divergence(votes) == pytest.approx(kullback_leibler / math.log(5))


@pytest.mark.parametrize("models", [1, 2, 5])
def test_equal_votes_do_not_diverge(models: int) -> None:
    vote = np.random.default_rng(0).dirichlet(np.ones(6))
    joint = combine({str(number): vote for number in range(models)})
    assert joint.divergence == pytest.approx(0, abs=1e-12)
    assert joint.agreement == 1
    assert joint.contenders == ()
    np.testing.assert_allclose(joint.probabilities, vote)


@pytest.mark.parametrize(("models", "classes"), [(2, 2), (2, 9), (5, 5), (5, 12)])
def test_disjoint_certainties_diverge_wholly(models: int, classes: int) -> None:
    joint = combine(one_hots(*range(models), of=classes))
    assert joint.divergence == pytest.approx(1)
    assert joint.agreement == pytest.approx(1 / models)


def test_more_models_than_classes_can_still_diverge_wholly() -> None:
    assert divergence(np.eye(2)[[0, 1, 0, 1]]) == pytest.approx(1)


def test_a_single_vote_agrees_with_itself() -> None:
    joint = combine(one_hots(3, of=8))
    assert (joint.agreement, joint.divergence, joint.contenders) == (1.0, 0.0, ())


def test_four_of_five_are_agreed_and_three_of_five_split() -> None:
    agreed = combine(one_hots(2, 2, 2, 2, 0, of=4))
    assert (agreed.agreement, agreed.contenders) == (0.8, ())
    split = combine(one_hots(0, 2, 2, 2, 0, of=4))
    assert (split.agreement, split.contenders) == (0.6, (2, 0))


def test_the_article_s_jazz_that_is_nearly_classical_is_not_split() -> None:
    jazz, classical = [0.721, 0.654, 0.598, 0.536, 0.472], [0.123, 0.187, 0.221, 0.253, 0.289]
    votes = {str(n): np.array([c, j, 1 - c - j]) for n, (j, c) in enumerate(zip(jazz, classical, strict=True))}
    joint = combine(votes)
    assert joint.agreement == 1
    assert joint.contenders == ()
    assert 0 < joint.divergence < 0.1


def test_names_at_most_three_contenders_the_likeliest() -> None:
    votes = {str(n): 0.9 * np.eye(6)[n] + 0.1 * np.eye(6)[4] for n in range(5)}
    assert combine(votes).contenders[0] == 4
    assert len(combine(votes).contenders) == 3


@pytest.mark.parametrize("seed", range(5))
def test_the_mean_is_weighted_and_tempered(seed: int) -> None:
    random = np.random.default_rng(seed)
    votes = random.dirichlet(np.ones(7), size=4)
    weights, temperature = random.uniform(0.1, 10, size=4), float(random.uniform(0.3, 3))
    joint = combine(
        {str(number): vote for number, vote in enumerate(votes)},
        {str(number): float(weight) for number, weight in enumerate(weights)} | {"no voter": 100.0},
        temperature,
    )
    logits = np.log(weights @ votes / weights.sum()) / temperature
    np.testing.assert_allclose(joint.probabilities, np.exp(logits) / np.exp(logits).sum())
    plain = combine({str(number): vote for number, vote in enumerate(votes)})
    assert (joint.agreement, joint.divergence) == (plain.agreement, plain.divergence)
    assert set(joint.contenders) <= {int(vote.argmax()) for vote in votes}


def test_weights_are_shares_of_those_that_voted() -> None:
    votes = {"a": np.array([1.0, 0.0]), "b": np.array([0.0, 1.0])}
    np.testing.assert_allclose(combine(votes, {"a": 3.0, "b": 1.0, "c": 96.0}).probabilities, [0.75, 0.25])
    np.testing.assert_allclose(combine(votes, {"a": 3.0}).probabilities, [0.75, 0.25])  # without a weight: 1
    np.testing.assert_allclose(combine({"b": votes["b"]}, {"a": 3.0, "b": 0.1}).probabilities, [0, 1])


def test_contenders_are_ranked_by_the_weighted_mean() -> None:
    votes = one_hots(0, 0, 2, of=4)
    assert combine(votes).contenders == (0, 2)
    assert combine(votes, {"model 2": 5.0}).contenders == (2, 0)


def test_a_vote_that_stands_alone_is_not_tempered() -> None:
    vote = np.array([0.6, 0.3, 0.1])
    np.testing.assert_array_equal(combine({"a": vote}, temperature=0.5).probabilities, vote)
    assert combine({"a": vote, "b": vote}, temperature=0.5).probabilities[0] > 0.7


@pytest.mark.parametrize("temperature", [1e-6, 0.5, 2.0, 1e6])
def test_no_temperature_loses_the_probabilities(temperature: float) -> None:
    sharp = tempered(np.array([0.5, 0.5 - 1e-12, 1e-12, 0.0]), temperature)
    assert np.isfinite(sharp).all()
    assert sharp.sum() == pytest.approx(1)
    assert sharp[3] == 0


@pytest.mark.parametrize(("weight", "temperature"), [(0.0, 1.0), (-1.0, 1.0), (math.nan, 1.0), (1.0, 0.0), (1.0, -2.0)])
def test_a_weight_or_temperature_that_is_not_above_0_is_refused(weight: float, temperature: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        combine(one_hots(0, 1, of=2), {"model 0": weight}, temperature)


def test_an_ensemble_without_a_vote_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one vote"):
        combine({})


def test_votes_of_different_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        combine({"a": np.array([0.5, 0.5]), "b": np.array([0.2, 0.3, 0.5])})


@pytest.mark.parametrize(
    ("probability", "expected"),
    [(1.0, "reliable"), (0.85, "reliable"), (0.8499, "check"), (0.65, "check"), (0.6499, "unsure"), (0.0, "unsure")],
)
def test_bands(probability: float, expected: str) -> None:
    assert band(probability) == expected
