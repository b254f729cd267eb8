"""Which events a hook is for, and what it is told of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ccmusicd.events import NoticeEvent, SegmentEvent
from ccmusicd.onair import STARTING, WAITING

Source = Literal["segment", "silence", "dead_air", "quota", "show", "declared", "down"]
"""What a hook may be for: any segment, one of silence or lost signal, or a kind of notice."""

PLACEHOLDERS = ("station", "kind", "change", "genre")
"""Arguments that may stand for a word of the event; all of them come from the configuration or the bundle."""

CONTROL = dict.fromkeys((*range(32), *range(127, 160)), " ")
_MAX_TEXT = 8_192


@dataclass(frozen=True, slots=True)
class Rule:
    """Filters; an empty one lets everything pass. `genres` are slugs: a segment's own, or those of a quota or show."""

    on: frozenset[Source]
    changes: frozenset[str] = frozenset()
    stations: frozenset[str] = frozenset()
    genres: frozenset[str] = frozenset()

    def wants(self, event: SegmentEvent | NoticeEvent, change: str) -> bool:
        """Whether an event, told as `change`, passes all of them."""
        if not sources(event) & self.on or (self.changes and change not in self.changes):
            return False
        if self.stations and event.station not in self.stations:
            return False
        return not self.genres or bool(self.genres & _genres(event))


def sources(event: SegmentEvent | NoticeEvent) -> frozenset[Source]:
    """What an event is, as rules name it."""
    if isinstance(event, NoticeEvent):
        return frozenset({event.kind})
    return frozenset({"segment", "silence"} if event.kind in {"silence", "no_signal"} else {"segment"})


@dataclass(frozen=True, slots=True)
class Call:
    """One event on its way to a hook: `body` is the event as JSON, `words` what arguments and variables are made of."""

    body: str
    words: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, event: SegmentEvent | NoticeEvent, change: str) -> "Call":
        """What is told of an event."""
        message: dict[str, Any] = {**event.to_wire(), "change": change}
        genre = event.genre if isinstance(event, SegmentEvent) else ",".join(sorted(_genres(event)))
        text = event.text if isinstance(event, NoticeEvent) else ""
        words = {
            "type": event.topic,
            "station": event.station,
            "kind": event.kind,
            "change": change,
            "genre": genre or "none",
            "text": text,
        }
        plain = {key: word.translate(CONTROL)[:_MAX_TEXT] for key, word in words.items()}
        return cls(json.dumps(message, ensure_ascii=False), plain)


class Changes:
    """Which segment events are news: one that began, became something else, or is whole; growing is none."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[int, str, str | None]] = {}

    def news(self, event: SegmentEvent) -> str | None:
        """The change to tell, "new" or "end"; None when there is none."""
        here = event.start_us, event.kind, event.genre
        if event.change == "end":
            return "end"
        if event.note in (STARTING, WAITING) or self._told.get(event.station) == here:
            return None  # what is not yet known is dated back to here as soon as it is
        self._told[event.station] = here
        return "new"


def _genres(event: SegmentEvent | NoticeEvent) -> frozenset[str]:
    if isinstance(event, SegmentEvent):
        return frozenset({event.genre} if event.genre else ())
    return frozenset(map(str, event.values.get("genres", ())))
