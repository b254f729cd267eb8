"""The show that is on, from its first second to its minutes."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

from ccmusicd.programme.ledger import Ledger
from ccmusicd.programme.show_watch import SETTLED_US, ShowWatch, count
from ccmusicd.programme.shows import Schedule, Show

from .conftest import NOON_US, S

Heard = Callable[..., Ledger]


class Planned:
    def __init__(self, *shows: Show) -> None:
        self._shows = shows

    def between(self, from_us: int, to_us: int) -> list[Show]:
        return [show for show in self._shows if show.start_us < to_us and show.end_us > from_us]


def show(name: str, start_s: int, end_s: int, at_least: float | None = 0.6) -> Show:
    return Show(name, NOON_US + start_s * S, NOON_US + end_s * S, frozenset({"jazz"}), at_least)


def watch(*shows: Show) -> ShowWatch:
    return ShowWatch(Schedule([Planned(*shows)]), warn_us=10 * S, zone=UTC)


def test_a_show_is_told_warned_of_given_up_and_counted(heard: Heard, as_notice: Callable[..., Any]) -> None:
    check = watch(show("Jazz", 0, 100))
    assert check.look(heard((-50, "rock"), until=-1), None) is None
    begun = check.look(heard((-50, "rock"), until=1), None)
    assert begun is not None
    assert (begun.severity, begun.since_us) == ("info", NOON_US)
    assert begun.text == "Jazz is on until 12:01:40: jazz due."
    active = as_notice(begun, "show")
    assert check.look(heard((0, "rock"), until=29), active) is None
    warned = check.look(heard((0, "rock"), until=30), active)
    assert warned is not None
    assert (warned.severity, warned.text) == ("warning", "Jazz needs 60 % jazz: they must begin by 12:00:40.")
    given_up = check.look(heard((0, "rock"), until=41), as_notice(warned, "show"))
    assert given_up is not None
    assert given_up.severity == "alarm"
    assert "can no longer reach" in given_up.text
    alarm = as_notice(given_up, "show")
    whole = [(0.0, "rock"), (41.0, "jazz"), (90.0, "down"), (100.0, "rock")]
    assert check.look(heard(*whole, until=119), alarm) is None
    ended = check.look(heard(*whole, until=100 + SETTLED_US / S), alarm)
    assert ended is not None
    assert (ended.change, ended.severity) == ("cleared", "alarm")
    assert ended.text == "Jazz has ended after 100 s: 49 s jazz, 41 s rock, 10 s not heard. It missed what was due."
    assert ended.values["heard_s"] == {"jazz": 49.0, "rock": 41.0}
    assert ended.values["missed"] is True
    doubtful = check.look(heard((0, "rock"), (40, "down"), until=130), active)
    assert doubtful is not None
    assert (doubtful.severity, doubtful.values["share_at_most"]) == (
        "info",
        0.6,
    )  # what nobody heard may have been jazz


def test_minutes_follow_what_is_dated_back_after_the_end(heard: Heard) -> None:
    ledger = heard((0, "rock"), (50, "jazz"), until=105)
    assert count(ledger, NOON_US, NOON_US + 100 * S).genres == {"jazz": 50 * S, "rock": 50 * S}
    again = heard((0, "rock"), (50, "jazz"), (95, "rock"), until=110)
    assert count(again, NOON_US, NOON_US + 100 * S).genres == {"rock": 55 * S, "jazz": 45 * S}
    minutes = count(heard((0, "uncertain"), (10, "silence"), until=30), NOON_US, NOON_US + 100 * S)
    assert (minutes.uncertain_us, minutes.not_heard_us) == (10 * S, 90 * S)


def test_a_show_that_ended_while_the_daemon_was_down_is_counted_at_its_start(
    heard: Heard, as_notice: Callable[..., Any]
) -> None:
    begun = watch(show("Jazz", 0, 100)).look(heard((0, "jazz"), until=1), None)
    assert begun is not None
    now = watch(show("News", 100, 500))  # the schedule no longer knows the other
    ledger = heard((0, "jazz"), (70, "down"), (300, "rock"), until=301)
    ended = now.look(ledger, as_notice(begun, "show"))
    assert ended is not None
    assert (ended.change, ended.values["show"]) == ("cleared", "Jazz")
    assert ended.values["heard_s"] == {"jazz": 70.0}
    following = now.look(ledger, None)
    assert following is not None
    assert following.values["show"] == "News"


def test_a_show_of_anything_is_counted_and_never_missed(heard: Heard, as_notice: Callable[..., Any]) -> None:
    check = watch(Show("Wishes", NOON_US, NOON_US + 100 * S))
    begun = check.look(heard((0, "rock"), until=1), None)
    assert begun is not None
    assert begun.text.endswith("any genre.")
    assert check.look(heard((0, "rock"), until=99), as_notice(begun, "show")) is None
    ended = check.look(heard((0, "rock"), until=120), as_notice(begun, "show"))
    assert ended is not None
    assert ended.severity == "info"
