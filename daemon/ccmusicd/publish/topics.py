"""MQTT topics and what is published on them: plain functions from the hub's events to text."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Any, Literal, Self

from ccmusicd import __version__
from ccmusicd.events import WIRE_VERSION, HopEvent, LevelEvent, NoticeEvent, SegmentEvent, State, StatusEvent, iso
from ccmusicd.hub import About, Latest
from ccmusicd.publish.errors import TopicError

Availability = Literal["online", "offline", "silent", "paused"]

_AVAILABILITY: Mapping[State, Availability] = {
    "starting": "online",
    "music": "online",
    "speech": "online",
    "uncertain": "online",
    "silence": "silent",
    "no_signal": "offline",
    "paused": "paused",
}

RETAINED = ("status", "genre", "state", "attributes", "notices", "enabled/state", "genres/+")
"""Filters of all that is retained below a station."""

_MAX_PART_BYTES = 200


def check_topic_part(text: str) -> None:
    """Raise `TopicError` unless `text` can stand between two slashes of a topic."""
    if not text:
        raise TopicError("a part of an MQTT topic must not be empty")
    bad = [c for c in text if c in "+#/" or ord(c) < 32 or 127 <= ord(c) < 160 or 0xD800 <= ord(c) < 0xE000]
    if bad:
        raise TopicError(
            f"{text!r} contains {bad[0]!r}; a part of an MQTT topic must not contain + # / or control codes"
        )
    if text.startswith("$"):
        raise TopicError(f"{text!r} begins with '$', which MQTT keeps for the broker's own topics")
    if len(text.encode()) > _MAX_PART_BYTES:
        raise TopicError(
            f"{text[:20]!r}... is longer than {_MAX_PART_BYTES} bytes, too long for a part of an MQTT topic"
        )


@dataclass(slots=True)
class StationTopics:
    """What a station's topics say now: fed with its events, read as {topic below the station: text}."""

    state: State = "starting"
    title: str | None = None
    enabled: bool = True
    trained: bool = False
    _hop: HopEvent | None = field(default=None, repr=False)
    _power: float = field(default=0.0, repr=False)
    _blocks: int = field(default=0, repr=False)

    @classmethod
    def of(cls, latest: Latest, *, trained: bool) -> Self:
        """What they say at first: the newest that is known of the station."""
        station = cls(trained=trained)
        if latest.hop is not None:
            station.hear_hop(latest.hop)
        if latest.status is not None:
            station.hear_status(latest.status)
        return station

    def hear_level(self, event: LevelEvent) -> None:
        """One block of the level meter, for the next `take_level`."""
        self._power += 10 ** (event.level.rms_dbfs / 10)
        self._blocks += 1

    def take_level(self) -> str | None:
        """The `level` message: RMS in dBFS of the sound heard since the last one; None when there was none."""
        if not self._blocks:
            return None
        level = 10 * math.log10(self._power / self._blocks)
        self._power, self._blocks = 0.0, 0
        return f"{level:.1f}"

    def hear_hop(self, event: HopEvent) -> None:
        """A hop brings the rolling values and the stable genre."""
        self._hop = event
        self._enter(event.state)
        self.trained = event.trained

    def hear_status(self, event: StatusEvent) -> None:
        """A status brings the state and the title, also when no hops come."""
        self._enter(event.state)
        self.title = event.title
        self.trained = event.trained

    def _enter(self, state: State) -> None:
        # Only the change counts: a status queued before a command took effect must not undo the command's echo.
        if (state == "paused") != (self.state == "paused"):
            self.enabled = state != "paused"
        self.state = state

    def retained(self, slugs: Iterable[str]) -> dict[str, str]:
        """Every retained topic of the station; `slugs` are those of the bundle's labels."""
        hop = self._hop if self.state in {"music", "speech", "uncertain"} else None
        genre = hop.genre if hop and self.state != "uncertain" else None
        rolling: Mapping[str, float] = hop.rolling if hop else {}
        return {
            "status": _AVAILABILITY[self.state],
            "genre": genre or "none",
            "state": compact(self._summary(hop, genre)),
            "attributes": compact(self._attributes(hop, rolling)),
            "enabled/state": "ON" if self.enabled else "OFF",
            **{f"genres/{slug}": f"{rolling.get(slug, 0.0):.3f}" for slug in slugs},
        }

    def _summary(self, hop: HopEvent | None, genre: str | None) -> dict[str, Any]:
        probability = hop.probability if hop and genre else None
        return {
            "genre": genre,
            "probability": None if probability is None else round(probability, 3),
            "agreement": round(hop.agreement, 3) if hop else None,
            "band": hop.band if hop and genre else None,
            "title": self.title,
            "since": iso(hop.since_us) if hop else None,
            "trained": self.trained,
            "state": self.state,
        }

    def _attributes(self, hop: HopEvent | None, rolling: Mapping[str, float]) -> dict[str, Any]:
        best = nlargest(5, rolling.items(), key=lambda item: item[1])
        return {
            # Two decimals: home automation writes every change of an attribute into its database.
            "top5": [[slug, round(p, 2)] for slug, p in best],
            "title": self.title,
            "since": iso(hop.since_us) if hop else None,
            "trained": self.trained,
        }


def probs(event: HopEvent) -> str:
    """The `probs` message: rolling, ensemble, and each model's own first choice (None when it failed)."""
    return compact(
        {
            "time": iso(event.time_us),
            "seq": event.seq,
            "state": event.state,
            "trained": event.trained,
            "rolling": {slug: round(p, 4) for slug, p in event.rolling.items()},
            "ensemble": {slug: round(p, 4) for slug, p in event.ensemble.items()},
            "models": {
                name: [vote.top5[0][0], round(vote.top5[0][1], 4)] if vote.top5 else None
                for name, vote in event.models.items()
            },
            "agreement": round(event.agreement, 3),
            "divergence": round(event.divergence, 4),
        }
    )


def segment(event: SegmentEvent) -> str:
    """The `event` message: the wire's segment, with `type` telling new, update or end."""
    message = event.to_wire()
    del message["change"]
    return compact({**message, "type": event.change})


def notices(holding: Iterable[NoticeEvent]) -> str:
    """The `notices` message: what holds, and in a word whether dead air or the programme needs somebody."""
    active = list(holding)
    return compact(
        {
            "dead_air": any(notice.kind == "dead_air" for notice in active),
            "programme": any(notice.kind != "dead_air" and notice.severity != "info" for notice in active),
            "active": [notice.to_wire() for notice in active],
        }
    )


def info(about: About) -> str:
    """The node's `info` message."""
    wire = about.to_wire()
    return compact(
        {
            "version": WIRE_VERSION,
            "software": __version__,
            **{
                key: wire[key]
                for key in ("node", "bundle", "trained", "labels", "models", "stations", "hop_s", "device")
            },
        }
    )


def compact(message: object) -> str:
    """JSON in one line, readable Chinese."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
