"""The hub: stations publish events, consumers read them from bounded inboxes that keep the newest.

Only the event loop touches it. A consumer that is slow loses its oldest events, which are counted; it never slows a
station or another consumer down.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ccmusic_stream.geometry import (
    CQT_BINS,
    CQT_BINS_PER_OCTAVE,
    CQT_FMIN_HZ,
    DB_FLOOR,
    DB_STEP,
    HOP_LENGTH,
    MEL_BINS,
    MEL_FMAX_HZ,
    SAMPLE_RATE,
)
from ccmusic_stream.labels import Labels
from ccmusicd import __version__
from ccmusicd.events import (
    WIRE_VERSION,
    Event,
    HopEvent,
    NoticeEvent,
    NoticeKind,
    SegmentEvent,
    StationsEvent,
    StatusEvent,
)


@dataclass(frozen=True, slots=True)
class StationInfo:
    """A station as people know it: `id` in topics and addresses, `name` on screens, `source` with secrets redacted.

    `checks` are the kinds of notices that may be raised of it; no message has them.
    """

    id: str
    name: str
    source: str
    checks: frozenset[NoticeKind] = frozenset()


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """One of the ensemble's models; `error` says why it does not vote, None when it does. `weight` (> 0) is its own.

    `fingerprint` is its `ModelSpec`'s; no message has it, nor the weight.
    """

    name: str
    backbone: str
    spectrogram: str
    error: str | None = None
    weight: float = 1.0
    profile: str = "seed"
    fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class About:
    """What this daemon is: every `hello`. `hop_s` and `device` are None until the analyzer is up.

    The models' weights and `ensemble_temperature` are the bundle's, for those who combine votes; no message has them.
    """

    node: str
    bundle: str
    trained: bool
    labels: Labels
    models: tuple[ModelInfo, ...]
    stations: tuple[StationInfo, ...]
    hop_s: float | None = None
    device: str | None = None
    ensemble_temperature: float = 1.0

    def to_wire(self) -> dict[str, Any]:
        """The `hello` message."""
        return {
            "type": "hello",
            "version": WIRE_VERSION,
            "software": __version__,
            "node": self.node,
            "bundle": self.bundle,
            "trained": self.trained,
            "labels": [
                {"slug": label.slug, "en": label.en, "zh": label.zh, "music": label.music, "parent": label.parent}
                for label in self.labels
            ],
            "models": [
                {
                    "name": m.name,
                    "backbone": m.backbone,
                    "spectrogram": m.spectrogram,
                    "profile": m.profile,
                    "error": m.error,
                }
                for m in self.models
            ],
            "stations": [{"id": s.id, "name": s.name, "source": s.source} for s in self.stations],
            "hop_s": self.hop_s,
            "window_s": 10.0,
            "device": self.device,
            "spectrogram": {
                "sample_rate": SAMPLE_RATE,
                "hop_length": HOP_LENGTH,
                "db_floor": DB_FLOOR,
                "db_step": DB_STEP,
                "cqt": {"bins": CQT_BINS, "fmin_hz": CQT_FMIN_HZ, "bins_per_octave": CQT_BINS_PER_OCTAVE},
                "mel": {"bins": MEL_BINS, "fmin_hz": 0.0, "fmax_hz": MEL_FMAX_HZ},
            },
        }


@dataclass(slots=True)
class Latest:
    """The newest of each kind for one station, and its notices that hold, by their id.

    It is what a newcomer needs to draw the page at once.
    """

    status: StatusEvent | None = None
    hop: HopEvent | None = None
    segment: SegmentEvent | None = None
    notices: dict[str, NoticeEvent] = field(default_factory=dict)

    def to_wire(self) -> dict[str, Any]:
        """A station's part of the `snapshot` message and of `/api/v1/now`."""
        return {
            "status": self.status and self.status.to_wire(),
            "hop": self.hop and self.hop.to_wire(),
            "segment": self.segment and self.segment.to_wire(),
            "notices": [notice.to_wire() for notice in self.notices.values()],
        }

    def note(self, notice: NoticeEvent) -> None:
        """Keep a notice for as long as it holds."""
        if notice.change == "raised":
            self.notices[notice.id] = notice
        elif notice.change == "cleared":
            self.notices.pop(notice.id, None)


Wake = Callable[[asyncio.Event], None]
"""Sets the event that a consumer waits for, now or soon."""


class Inbox:
    """A consumer's queue of at most `capacity` events; when full the oldest is dropped and counted in `dropped`.

    `wake` sets, now or soon, the event that `get` waits for.
    """

    def __init__(
        self, topics: Collection[str], stations: Collection[str] | None, capacity: int, wake: Wake = asyncio.Event.set
    ) -> None:
        self.topics = frozenset(topics)
        self.stations = None if stations is None else frozenset(stations)
        self.dropped = 0
        self.capacity = capacity
        self._events: deque[Event] = deque()
        self._filled = asyncio.Event()
        self._wake = wake

    def __len__(self) -> int:
        return len(self._events)

    def wants(self, event: Event) -> bool:
        """Whether the consumer subscribed to this event's topic and station."""
        if event.topic not in self.topics:
            return False
        return self.stations is None or event.station in self.stations or isinstance(event, StationsEvent)

    def put(self, event: Event) -> None:
        """Append; never waits."""
        if len(self._events) >= self.capacity:
            self._events.popleft()
            self.dropped += 1
        self._events.append(event)
        self._wake(self._filled)

    async def get(self) -> Event:
        """The oldest event, waiting for one."""
        while not self._events:
            self._filled.clear()
            await self._filled.wait()
        return self._events.popleft()

    def get_nowait(self) -> Event | None:
        """The oldest event; None where there is none."""
        return self._events.popleft() if self._events else None

    def drain(self) -> list[Event]:
        """All events that are here now, oldest first; does not wait."""
        events = list(self._events)
        self._events.clear()
        return events


class Hub:
    """Distributes events and remembers the latest of each station."""

    def __init__(self, about: About) -> None:
        self.about = about
        self.latest: dict[str, Latest] = {station.id: Latest() for station in about.stations}
        self._inboxes: set[Inbox] = set()

    def learn(self, **changes: Any) -> None:
        """Replace fields of `about` (the analyzer came up, a model failed)."""
        self.about = replace(self.about, **changes)

    def list_stations(self, stations: tuple[StationInfo, ...]) -> None:
        """These are the stations from now on. What is known of others is forgotten; all inboxes are told."""
        self.latest = {station.id: self.latest.get(station.id) or Latest() for station in stations}
        self.learn(stations=stations)
        self._hand_out(StationsEvent())

    def publish(self, event: Event) -> None:
        """Hand an event of one of the stations to every inbox that wants it; never waits."""
        self._remember(event, self.latest[event.station])
        self._hand_out(event)

    @staticmethod
    def _remember(event: Event, latest: Latest) -> None:
        if isinstance(event, HopEvent):
            latest.hop = event
        elif isinstance(event, StatusEvent):
            latest.status = event
            if event.state in {"no_signal", "paused"}:
                latest.hop = None  # it tells of a sound that is no longer there
        elif isinstance(event, SegmentEvent):
            latest.segment = event
        elif isinstance(event, NoticeEvent):
            latest.note(event)

    def _hand_out(self, event: Event) -> None:
        for inbox in self._inboxes:
            if inbox.wants(event):
                inbox.put(event)

    def subscribe(
        self,
        topics: Collection[str],
        *,
        stations: Collection[str] | None = None,
        capacity: int = 64,
        wake: Wake = asyncio.Event.set,
    ) -> Inbox:
        """A new inbox for these topics; `stations` None means all. Give it back with `unsubscribe`."""
        inbox = Inbox(topics, stations, capacity, wake)
        self.add(inbox)
        return inbox

    def add(self, inbox: Inbox) -> None:
        """Fill this inbox, too."""
        self._inboxes.add(inbox)

    def unsubscribe(self, inbox: Inbox) -> None:
        """The inbox receives nothing more."""
        self._inboxes.discard(inbox)

    def snapshot(self) -> dict[str, Any]:
        """The `snapshot` message: the latest of every station."""
        return {"type": "snapshot", "stations": self.now()}

    def now(self) -> Mapping[str, Any]:
        """The latest of every station, by its id."""
        return {station: latest.to_wire() for station, latest in self.latest.items()}
