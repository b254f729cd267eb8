"""Which events a hook is for."""

import json
from typing import Any

import pytest

from ccmusicd.events import NoticeEvent, SegmentEvent
from ccmusicd.hooks.rule import Call, Changes, Rule


def segment(
    change: Any = "new", start: int = 0, kind: Any = "music", genre: str | None = "jazz", **more: Any
) -> SegmentEvent:
    return SegmentEvent("main", change, start, start + 1, kind, genre, **more)


def notice(kind: Any = "quota", change: Any = "raised", **values: Any) -> NoticeEvent:
    return NoticeEvent("main", kind, "", change, "alarm", 0, 1, "A sentence.", values)


def rule(on: Any, **filters: Any) -> Rule:
    return Rule(frozenset({on}), **{key: frozenset(value) for key, value in filters.items()})


@pytest.mark.parametrize(
    ("asked", "event", "passes"),
    [
        (rule("segment"), segment(), True),
        (rule("segment"), segment(kind="silence", genre=None), True),
        (rule("silence"), segment(kind="silence", genre=None), True),
        (rule("silence"), segment(kind="no_signal", genre=None), True),
        (rule("silence"), segment(), False),
        (rule("quota"), segment(), False),
        (rule("quota"), notice(), True),
        (rule("dead_air"), notice(), False),
        (rule("quota", changes=["cleared"]), notice(), False),
        (rule("quota", changes=["raised"], stations=["main"]), notice(), True),
        (rule("quota", stations=["other"]), notice(), False),
        (rule("segment", genres=["jazz", "rock"]), segment(), True),
        (rule("segment", genres=["rock"]), segment(), False),
        (rule("segment", genres=["rock"]), segment(kind="silence", genre=None), False),
        (rule("quota", genres=["jazz"]), notice(genres=["jazz", "rock"]), True),
        (rule("quota", genres=["folk"]), notice(genres=["jazz", "rock"]), False),
        (rule("down", genres=["folk"]), notice("down"), False),
    ],
)
def test_all_filters_must_let_it_pass(asked: Rule, event: Any, passes: bool) -> None:
    assert asked.wants(event, event.change) is passes


def test_a_segment_is_news_when_it_begins_becomes_another_or_is_whole() -> None:
    changes = Changes()
    events = [
        segment("new", genre=None, kind="uncertain", note="starting"),
        segment("update", genre=None, kind="uncertain", note="starting"),
        segment("update"),  # found, and dated back to the start
        segment("update"),
        segment("end"),
        segment("new", start=10, genre="rock"),
        segment("update", start=10, genre="rock"),
    ]
    assert [changes.news(event) for event in events] == [None, None, "new", None, "end", "new", None]


def test_a_call_tells_the_event_and_words_without_control_characters() -> None:
    call = Call.of(segment("update"), "new")
    message = json.loads(call.body)
    assert (message["type"], message["change"], message["genre"]) == ("segment", "new", "jazz")
    assert call.words["genre"] == "jazz"
    told = Call.of(
        NoticeEvent("main", "quota", "", "raised", "alarm", 0, 1, "a\0b\nc", {"genres": ["rock", "jazz"]}), "raised"
    )
    assert (told.words["text"], told.words["genre"], told.words["kind"]) == ("a b c", "jazz,rock", "quota")
    assert Call.of(segment(genre=None, kind="silence"), "new").words["genre"] == "none"
