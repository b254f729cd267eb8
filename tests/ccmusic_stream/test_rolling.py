"""The rolling average and the stable genre."""

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray

from ccmusic_stream.rolling import Rolling, StableGenre

Probabilities = NDArray[np.float64]

A, B, C = np.eye(3)


def stable(**changed: float) -> StableGenre:
    options = {"enter": 0.35, "leave": 0.25, "margin": 0.05, "hold_s": 2.0} | changed
    return StableGenre(**options)


def shown(genre: StableGenre, rolling: list[float], seconds: float, hop_s: float = 1.0) -> list[int | None]:
    return [genre.update(np.array(rolling), hop_s) for _ in range(round(seconds / hop_s))]


def test_starts_with_the_first_vote() -> None:
    rolling = Rolling(5.0)
    assert rolling.values is None
    np.testing.assert_array_equal(rolling.update(B, 1.0), B)


def test_a_vote_one_time_constant_back_has_a_weight_of_one_over_e() -> None:
    rolling = Rolling(5.0)
    rolling.update(A, 1.0)
    np.testing.assert_allclose(rolling.update(B, 5.0), [1 / math.e, 1 - 1 / math.e, 0])


@pytest.mark.parametrize("seed", range(5))
def test_two_half_hops_equal_one_hop(seed: int) -> None:
    random = np.random.default_rng(seed)
    whole, halves = Rolling(4.0), Rolling(4.0)
    for _ in range(30):
        vote, hop_s = random.dirichlet(np.ones(7)), float(random.uniform(0.2, 9))
        whole.update(vote, hop_s)
        halves.update(vote, hop_s / 2)
        halves.update(vote, hop_s / 2)
        assert whole.values is not None
        assert halves.values is not None
        np.testing.assert_allclose(whole.values, halves.values)
        assert whole.values.sum() == pytest.approx(1)
        assert (whole.values >= 0).all()


def test_no_time_gives_no_weight_and_endless_time_all() -> None:
    rolling = Rolling(5.0)
    rolling.update(A, 1.0)
    np.testing.assert_array_equal(rolling.update(B, 0.0), A)
    np.testing.assert_allclose(rolling.update(B, 1e6), B)


def test_forgets_on_reset() -> None:
    rolling = Rolling(5.0)
    rolling.update(A, 1.0)
    rolling.reset()
    assert rolling.values is None
    np.testing.assert_array_equal(rolling.update(B, 1.0), B)


def test_leaves_the_arrays_it_was_given_and_gave_alone() -> None:
    rolling, vote = Rolling(5.0), A.copy()
    first = rolling.update(vote, 1.0)
    vote[:] = 9
    second = rolling.update(B, 1.0)
    np.testing.assert_array_equal(first, A)
    assert second is not first


def test_a_genre_is_shown_once_it_has_held() -> None:
    assert shown(stable(), [0.2, 0.6, 0.2], 4, hop_s=0.5) == [None, None, None, *[1] * 5]


@pytest.mark.parametrize("hop_s", [0.25, 0.5, 1.0])
def test_holding_is_a_matter_of_time_and_not_of_hops(hop_s: float) -> None:
    found = shown(stable(hold_s=3.0), [0.9, 0.05, 0.05], 6, hop_s=hop_s)
    assert found.index(0) == 3 / hop_s - 1


def test_nothing_is_shown_below_the_entering_probability() -> None:
    assert set(shown(stable(), [0.34, 0.33, 0.33], 20)) == {None}
    assert shown(stable(), [0.36, 0.32, 0.32], 20)[-1] == 0


def test_a_slip_while_it_enters_begins_anew() -> None:
    genre = stable(hold_s=3.0)
    assert shown(genre, [0.5, 0.3, 0.2], 2) == [None, None]
    assert shown(genre, [0.3, 0.3, 0.3], 1) == [None]
    assert shown(genre, [0.5, 0.3, 0.2], 3) == [None, None, 0]


def test_another_takes_over_only_with_the_margin() -> None:
    genre = stable()
    shown(genre, [0.5, 0.3, 0.2], 3)
    assert set(shown(genre, [0.44, 0.48, 0.08], 30)) == {0}
    assert shown(genre, [0.42, 0.48, 0.10], 3) == [0, 1, 1]


def test_another_takes_over_only_when_it_could_enter() -> None:
    genre = stable(leave=0.1)
    shown(genre, [0.5, 0.3, 0.2], 3)
    assert set(shown(genre, [0.2, 0.33, 0.3], 30)) == {0}


def test_between_leaving_and_entering_the_genre_stays() -> None:
    genre = stable()
    shown(genre, [0.5, 0.3, 0.2], 3)
    assert set(shown(genre, [0.26, 0.25, 0.25], 30)) == {0}
    assert shown(genre, [0.24, 0.25, 0.25], 3) == [0, None, None]
    assert set(shown(genre, [0.30, 0.25, 0.25], 30)) == {None}


def test_a_short_weakness_is_forgiven() -> None:
    genre = stable()
    shown(genre, [0.5, 0.3, 0.2], 3)
    for _ in range(10):
        assert shown(genre, [0.2, 0.3, 0.2], 1) + shown(genre, [0.5, 0.3, 0.2], 1) == [0, 0]


def test_a_genre_is_not_kept_by_others_that_take_turns() -> None:
    genre = stable()
    shown(genre, [0.9, 0.05, 0.05], 3)
    found = []
    for _ in range(6):
        found += shown(genre, [0.0, 0.55, 0.45], 1) + shown(genre, [0.0, 0.45, 0.55], 1)
    assert found[:2] == [0, 0]
    assert set(found[3:]) == {None}


def test_a_genre_that_one_other_steadily_replaces_leaves_no_hole() -> None:
    genre = stable(hold_s=3.0)
    shown(genre, [0.9, 0.05, 0.05], 3)
    found = shown(genre, [0.2, 0.3, 0.2], 2) + shown(genre, [0.0, 0.9, 0.1], 3)
    assert found == [0, 0, 0, 0, 1]


def test_votes_that_alternate_do_not_make_it_flicker() -> None:
    rolling, genre = Rolling(5.0), stable()
    found = [genre.update(rolling.update(A if hop % 2 else B, 1.0), 1.0) for hop in range(200)]
    changes = sum(before != after for before, after in pairwise(found))
    assert changes <= 1


@pytest.mark.parametrize("seed", range(8))
def test_two_changes_are_never_closer_than_the_hold(seed: int) -> None:
    random = np.random.default_rng(seed)
    hold_s, hop_s = 3.0, float(random.choice([0.5, 1.0, 1.5]))
    rolling, genre = Rolling(2.0), stable(hold_s=hold_s)
    now, changed_at, before = 0.0, -math.inf, None
    for _ in range(600):
        now += hop_s
        after = genre.update(rolling.update(random.dirichlet(np.full(3, 0.2)), hop_s), hop_s)
        if after != before:
            assert now - changed_at >= hold_s - 1e-9
            changed_at, before = now, after
    assert changed_at > 0  # it did change


def test_a_change_of_the_programme_is_followed() -> None:
    rolling, genre = Rolling(5.0), stable()
    for vote, expected in ((A, 0), (C, 2), (B, 1)):
        found = [genre.update(rolling.update(vote, 1.0), 1.0) for _ in range(15)]
        assert found[-1] == expected


def test_without_a_hold_it_follows_at_once_and_still_keeps_a_good_genre() -> None:
    genre = stable(hold_s=0.0)
    assert shown(genre, [0.5, 0.3, 0.2], 2) == [0, 0]
    assert shown(genre, [0.2, 0.7, 0.1], 1) == [1]
    assert shown(genre, [0.3, 0.2, 0.3], 1) == [None]


def test_reset_forgets_the_genre_and_what_was_about_to_enter() -> None:
    genre = stable()
    shown(genre, [0.5, 0.3, 0.2], 3)
    shown(genre, [0.1, 0.8, 0.1], 1)
    genre.reset()
    assert genre.index is None
    assert shown(genre, [0.1, 0.8, 0.1], 2) == [None, 1]
