"""Declared against heard: only music speaks, and only enough of it."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

from ccmusicd.programme.declared import DeclaredCheck
from ccmusicd.programme.ledger import Ledger

from .conftest import NOON_US, S

Heard = Callable[..., Ledger]
JAZZ = frozenset({"jazz"})


def check(at_least: float = 0.5) -> DeclaredCheck:
    made = DeclaredCheck("stream", 60 * S, at_least, UTC)
    made.declare("Smooth Jazz", JAZZ, NOON_US)
    return made


def test_a_mismatch_is_told_after_enough_music_and_no_talk_counts(heard: Heard) -> None:
    ledger = heard((-100, "rock"), (0, "rock"), (30, "speech"), (500, "silence"), (600, "rock"), until=629)
    assert check().look(ledger, None) is None
    found = check().look(heard((0, "rock"), (30, "speech"), (500, "silence"), (600, "rock"), until=630), None)
    assert found is not None
    assert (found.change, found.severity) == ("raised", "warning")
    assert found.values["heard"] == "rock"
    assert found.text == (
        "Declared is 'Smooth Jazz', but of the last 60 s of music only 0 % were of it; most was rock."
    )


def test_it_ends_with_more_than_it_began_and_not_by_a_hair(heard: Heard, as_notice: Callable[..., Any]) -> None:
    found = check().look(heard((0, "rock"), until=60), None)
    assert found is not None
    active = as_notice(found, "declared", "stream")
    assert check().look(heard((0, "rock"), (60, "jazz"), until=93), active) is None
    ended = check().look(heard((0, "rock"), (60, "jazz"), until=96), active)
    assert ended is not None
    assert ended.change == "cleared"
    assert check().look(heard((0, "rock"), (60, "jazz"), until=93), None) is None


def test_another_declaration_counts_anew_and_nothing_declared_says_nothing(
    heard: Heard, as_notice: Callable[..., Any]
) -> None:
    one = check()
    found = one.look(heard((0, "rock"), until=60), None)
    assert found is not None
    active = as_notice(found, "declared", "stream")
    one.declare("Rock", frozenset({"rock"}), NOON_US + 60 * S)
    ended = one.look(heard((0, "rock"), until=61), active)
    assert ended is not None
    assert "'Rock'" in ended.text
    assert one.look(heard((0, "jazz"), until=100), None) is None  # 40 s since
    one.declare("Top 40", frozenset(), NOON_US)
    assert one.look(heard((0, "jazz"), until=1000), None) is None
    one.declare("", frozenset(), NOON_US)
    gone = one.look(heard((0, "jazz"), until=1000), active)
    assert gone is not None
    assert "nothing is declared" in gone.text
    new = DeclaredCheck("stream", 60 * S, 0.5, UTC)
    assert new.look(heard((0, "rock"), until=1000), active) is None  # a restart: it has not said a word yet


def test_declared_speech_is_heard_as_speech(heard: Heard) -> None:
    one = check()
    one.declare("News Talk", frozenset({"speech"}), NOON_US)
    assert one.look(heard((0, "speech"), (50, "rock"), until=70), None) is None
    assert one.look(heard((0, "rock"), (50, "speech"), until=70), None) is not None
