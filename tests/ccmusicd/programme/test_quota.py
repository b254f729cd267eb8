"""Quotas: the latest moment is exact, what nobody heard is held against nobody, and warnings do not flap."""

import itertools
from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ccmusicd.programme.ledger import Ledger
from ccmusicd.programme.quota import Quota, ShowQuota

from .conftest import NOON_US, S, span_of

Heard = Callable[..., Ledger]


def quota(
    bound: str = "at_least", share: float = 0.4, window_s: int = 100, warn_s: int = 20, clear_s: int = 5
) -> Quota:
    genres = frozenset({"jazz"})
    return Quota("q", genres, "jazz", bound, share, window_s * S, warn_s * S, clear_s * S, UTC)  # type: ignore[arg-type]


def test_the_latest_moment_is_when_the_window_would_begin_to_lack(heard: Heard) -> None:
    # Of the last 100 s, 60 are jazz, the first of them at the window's old end: 20 may still be lost.
    reading = quota().read(heard((0, "jazz"), (60, "rock"), until=100))
    assert reading.share == 0.6
    assert reading.slack_us == 20 * S
    assert reading.latest_us == NOON_US + 120 * S
    # Rock at the old end is no loss.
    reading = quota().read(heard((0, "rock"), (40, "jazz"), until=100))
    assert reading.latest_us == NOON_US + 160 * S


def test_a_quota_of_a_real_hour() -> None:
    """40 % of any hour: after 24 minutes of jazz, jazz must be there again 36 minutes after it ended."""
    ledger = Ledger()
    ledger.put(span_of(-3600, 0, "rock"))
    ledger.put(span_of(0, 24 * 60, "jazz"))
    ledger.put(span_of(24 * 60, 30 * 60, "rock"))
    check = quota(window_s=3600, warn_s=600)
    assert check.read(ledger).latest_us == NOON_US + 60 * 60 * S
    assert check.look(ledger, None) is None
    ledger.put(span_of(24 * 60, 50 * 60, "rock"))
    found = check.look(ledger, None)
    assert found is not None
    assert found.severity == "warning"
    assert found.values["latest"] == "2026-01-31T13:00:00.000Z"
    assert found.text == (
        "The quota of at least 40 % jazz in any 1 h 0 min: jazz must begin by 13:00:00. "
        "40 % of the last 1 h 0 min were jazz."
    )


@pytest.mark.parametrize("gap", ["paused", "no_signal", "down", "silence", "starting"])
def test_what_nobody_judged_is_held_against_nobody(heard: Heard, gap: str) -> None:
    ledger = heard((0, gap), (41, "rock"), until=100)
    reading = quota().read(ledger)
    assert (reading.share, reading.most, reading.missed) == (0.0, 0.41, False)
    assert reading.latest_us == NOON_US + 101 * S
    assert quota().read(heard((0, gap), (39, "rock"), until=100)).missed
    most = quota("at_most", 0.5).read(heard((0, gap), (51, "jazz"), until=100))
    assert (most.missed, most.slack_us) == (False, 1 * S)


def test_sound_without_a_clear_genre_was_heard_and_is_not_of_the_genre(heard: Heard) -> None:
    assert quota().read(heard((0, "uncertain"), (61, "jazz"), until=100)).missed
    assert quota().read(heard((0, "speech"), (61, "jazz"), until=100)).missed


def test_a_new_record_begins_without_alarm_and_ends_with_a_sure_one(heard: Heard) -> None:
    assert quota(warn_s=10).look(heard((0, "rock"), until=49), None) is None
    warned = quota(warn_s=10).look(heard((0, "rock"), until=50), None)
    assert warned is not None
    assert warned.values["latest"] == "2026-01-31T12:01:00.000Z"
    assert quota().read(heard((0, "rock"), until=60)).margin_us == 0
    assert quota().read(heard((0, "rock"), until=60.001)).missed


def test_warned_then_missed_then_cleared_with_a_margin(heard: Heard, as_notice: Callable[..., Any]) -> None:
    check = quota(warn_s=20, clear_s=5)
    past = [(0.0, "jazz"), (60.0, "rock")]
    warned = check.look(heard(*past, until=100), None)
    assert warned is not None
    active = as_notice(warned, "quota", "q")
    assert check.look(heard(*past, until=119), active) is None
    missed = check.look(heard(*past, until=121), active)
    assert missed is not None
    assert (missed.change, missed.severity, missed.values["missed"]) == ("raised", "alarm", True)
    assert missed.since_us == warned.since_us
    alarm = as_notice(missed, "quota", "q")
    assert check.look(heard(*past, until=150), alarm) is None  # told once
    back = [*past, (150.0, "jazz")]
    assert [check.look(heard(*back, until=until), alarm) for until in range(151, 190)] == [None] * 39
    cleared = check.look(heard(*back, until=190), alarm)
    assert cleared is not None
    assert (cleared.change, cleared.values["share"]) == ("cleared", 0.4)


def test_a_warning_ends_only_when_there_is_more_time_than_it_began_with(
    heard: Heard, as_notice: Callable[..., Any]
) -> None:
    check = quota(warn_s=20, clear_s=5)
    warned = check.look(heard((0, "rock"), (10, "jazz"), (60, "rock"), until=100), None)
    assert warned is not None
    active = as_notice(warned, "quota", "q")
    assert check.read(heard((0, "rock"), (10, "jazz"), (62, "rock"), until=100)).margin_us == 22 * S
    assert check.look(heard((0, "rock"), (10, "jazz"), (62, "rock"), until=100), active) is None
    cleared = check.look(heard((0, "rock"), (10, "jazz"), (65, "rock"), until=100), active)
    assert cleared is not None
    assert cleared.change == "cleared"


def test_at_most_tells_when_the_genre_must_end(heard: Heard) -> None:
    check = quota("at_most", 0.5)
    reading = check.read(heard((0, "rock"), (60, "jazz"), until=100))
    assert reading.latest_us == NOON_US + 110 * S
    found = check.look(heard((0, "rock"), (60, "jazz"), until=100), None)
    assert found is not None
    assert "jazz must end by 12:01:50" in found.text
    # Jazz that leaves at the old end makes room for jazz.
    assert check.read(heard((0, "jazz"), (50, "rock"), until=100)).latest_us == NOON_US + 150 * S


PARTS = st.lists(
    st.tuples(st.integers(1, 30), st.sampled_from(["jazz", "rock", "silence", "paused", "uncertain", "speech"])),
    min_size=1,
    max_size=12,
)


@settings(max_examples=150, deadline=None)
@given(PARTS, st.sampled_from([0.1, 0.25, 0.4, 0.7]), st.sampled_from(["at_least", "at_most"]))
def test_beginning_at_the_latest_moment_keeps_the_quota_and_a_second_later_does_not(
    parts: list[tuple[int, str]], share: float, bound: str
) -> None:
    """Against the plain definition: every second's window of the future, counted."""
    check = quota(bound, share, window_s=60)
    ends = list(itertools.accumulate(length for length, _ in parts))
    past = [what for length, what in parts for _ in range(length)]
    ledger = Ledger()
    for (length, what), end in zip(parts, ends, strict=True):
        ledger.put(span_of(end - length, end, what))
    reading = check.read(ledger)

    def kept(change_s: int) -> bool:
        """When the wrong kind goes on until `change_s`, and only the right kind comes from then on."""
        wrong, right = ("rock", "jazz") if bound == "at_least" else ("jazz", "rock")
        future = [wrong] * (change_s - ends[-1]) + [right] * 61
        whole = ["paused"] * 60 + past + future  # before the record nobody listened
        for now in range(ends[-1], change_s + 61):
            window = whole[now : now + 60]
            jazz = window.count("jazz")
            unjudged = window.count("silence") + window.count("paused")
            if bound == "at_least" and jazz + unjudged < share * 60 - 1e-9:
                return False
            if bound == "at_most" and jazz > share * 60 + 1e-9:
                return False
        return True

    if reading.missed:
        assert not kept(ends[-1])
        return
    assert reading.latest_us is not None
    latest_s = (reading.latest_us - NOON_US) // S
    assert kept(latest_s)
    assert not kept(latest_s + 1)


def test_a_show_knows_when_it_can_no_longer_reach_its_share(heard: Heard) -> None:
    show = ShowQuota(frozenset({"jazz"}), 0.6, NOON_US, NOON_US + 100 * S)
    reading = show.read(heard((-50, "jazz"), (0, "rock"), until=30))
    assert (reading.latest_us, reading.slack_us) == (NOON_US + 40 * S, 10 * S)
    assert show.read(heard((0, "rock"), until=41)).missed
    done = show.read(heard((0, "jazz"), (60, "rock"), until=70))
    assert (done.latest_us, done.missed) == (None, False)
    after = show.read(heard((0, "jazz"), (59, "rock"), until=500))
    assert (after.missed, after.share) == (True, 0.59)
