"""Dead air: raised after N seconds of nothing, cleared only after M seconds of sound."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest

from ccmusicd.programme.dead_air import DeadAir
from ccmusicd.programme.ledger import Ledger

from .conftest import NOON_US, S

Heard = Callable[..., Ledger]
CHECK = DeadAir(after_us=20 * S, clear_after_us=10 * S, zone=UTC)


def test_silence_is_told_when_it_has_lasted_and_not_before(heard: Heard) -> None:
    assert CHECK.look(heard((0, "rock"), (60, "silence"), until=79.9), None) is None
    found = CHECK.look(heard((0, "rock"), (60, "silence"), until=80), None)
    assert found is not None
    assert (found.change, found.severity, found.since_us) == ("raised", "alarm", NOON_US + 60 * S)
    assert found.text == "Dead air: silence for 20 s, since 12:01:00."
    assert found.values == {"cause": "silence", "silence_s": 20.0, "no_signal_s": 0.0}


def test_silence_and_lost_signal_are_one_dead_air_and_the_newest_is_its_cause(heard: Heard) -> None:
    found = CHECK.look(heard((0, "silence"), (15, "no_signal"), until=21), None)
    assert found is not None
    assert found.values == {"cause": "no_signal", "silence_s": 15.0, "no_signal_s": 6.0}
    assert "no signal" in found.text


def test_music_with_pauses_raises_nothing_but_a_click_hides_nothing(heard: Heard) -> None:
    parts = [(30.0 * i + offset, what) for i in range(9) for offset, what in ((0, "rock"), (11, "silence"))]
    assert CHECK.look(heard(*parts, until=9 * 30), None) is None
    click = heard((0, "silence"), (12, "starting"), (12.5, "silence"), until=20.5)
    found = CHECK.look(click, None)
    assert found is not None
    assert found.since_us == NOON_US


def test_a_silence_that_has_just_ended_is_still_told(heard: Heard) -> None:
    assert CHECK.look(heard((0, "rock"), (5, "silence"), until=26), None) is not None


@pytest.mark.parametrize("before", ["down", "paused"])
def test_time_that_nobody_listened_to_is_no_dead_air(heard: Heard, before: str) -> None:
    assert CHECK.look(heard((0, "silence"), (15, before), (40, "silence"), until=59), None) is None
    assert CHECK.look(heard((0, "silence"), (15, before), (40, "silence"), until=60), None) is not None


def test_only_sound_that_goes_on_clears_it(heard: Heard, as_notice: Callable[..., Any]) -> None:
    raised = CHECK.look(heard((0, "silence"), until=20), None)
    assert raised is not None
    active = as_notice(raised)
    comes_and_goes = [
        (20.0 + 12 * i + offset, what) for i in range(5) for offset, what in ((0, "rock"), (9, "silence"))
    ]
    ledger = heard((0, "silence"), *comes_and_goes, until=80)
    assert CHECK.look(ledger, active) is None
    assert CHECK.look(heard((0, "silence"), (30, "starting"), (34, "jazz"), until=39.9), active) is None
    cleared = CHECK.look(heard((0, "silence"), (30, "starting"), (34, "jazz"), until=40), active)
    assert cleared is not None
    assert cleared.change == "cleared"
    assert cleared.values == {"cause": "silence", "lasted_s": 30.0}
    assert "since 12:00:30" in cleared.text


def test_a_pause_clears_it_and_a_hole_in_the_record_is_no_sound(heard: Heard, as_notice: Callable[..., Any]) -> None:
    raised = CHECK.look(heard((0, "silence"), until=20), None)
    assert raised is not None
    cleared = CHECK.look(heard((0, "silence"), (25, "paused"), until=26), as_notice(raised))
    assert cleared is not None
    assert "paused" in cleared.text
    assert CHECK.look(heard((0, "jazz"), (8, "down"), (30, "jazz"), until=35), as_notice(raised)) is None
    assert CHECK.look(Ledger(), None) is None
