"""What the stations tell the world, and how it is written on the wire (version 1).

Every event is frozen and holds plain values, so that one object can go to every consumer. `to_wire` gives the JSON
object of WebSocket and MQTT; spectrogram columns alone are binary (`ColumnsEvent.to_bytes`).
Times are UTC microseconds since 1970 inside and ISO 8601 with "Z" on the wire.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Literal

from ccmusic_stream.blend import Blend
from ccmusic_stream.geometry import Spectrogram
from ccmusic_stream.level import Level as Level  # noqa: PLC0414 - others import it from here
from ccmusic_stream.segments import SegmentKind

WIRE_VERSION = 1

State = Literal["starting", "music", "speech", "uncertain", "silence", "no_signal", "paused"]
"""What a station is at this moment; "uncertain" is sound in which no genre stands out."""

SourceState = Literal["connecting", "running", "backoff", "ended", "paused"]
AnalyzerState = Literal["starting", "running", "restarting"]
SegmentChange = Literal["new", "update", "end"]

NoticeKind = Literal["dead_air", "quota", "show", "declared", "down"]
NoticeChange = Literal["raised", "cleared", "told"]
"""Whether a notice holds from now on, no longer holds, or is of something that was over before it could be told."""

Severity = Literal["info", "warning", "alarm"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(utc_us: int) -> str:
    """UTC microseconds as ISO 8601 with milliseconds, for example "2026-01-31T12:00:00.250Z"."""
    moment = _EPOCH + timedelta(microseconds=utc_us)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class ModelVote:
    """One model's vote on one hop. `top5`: (slug, probability), best first; empty when `error` says why."""

    top5: tuple[tuple[str, float], ...]
    ms: float
    error: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """The object of the wire; probabilities with four decimals."""
        return {"top5": [[slug, round(p, 4)] for slug, p in self.top5], "ms": round(self.ms, 1), "error": self.error}


@dataclass(frozen=True, slots=True)
class HopEvent:
    """The result of one hop of one station.

    `seq` counts the station's hops from 1. `end_sample` and `time_us` are those of the newest sample in the window.
    `genre` is the stable genre (None unless `state` is "music" or "speech"), since `since_us`; `probability` is its
    rolling probability. `lag_s` is how long after its newest sample was in the ring this hop's votes came; `dropped`
    counts the hops since the start that got no votes. `votes` holds every probability of each model that voted, for
    the record; the wire has their best five.
    """

    topic: ClassVar[str] = "hop"
    station: str
    seq: int
    end_sample: int
    time_us: int
    state: State
    trained: bool
    models: Mapping[str, ModelVote]
    ensemble: Mapping[str, float]
    rolling: Mapping[str, float]
    genre: str | None
    probability: float | None
    since_us: int
    agreement: float
    divergence: float
    contenders: tuple[str, ...]
    band: str
    level: Level
    hop_ms: float
    lag_s: float
    dropped: int
    votes: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)

    def to_wire(self) -> dict[str, Any]:
        """The `hop` message."""
        return {
            "type": "hop",
            "station": self.station,
            "seq": self.seq,
            "end_sample": self.end_sample,
            "time": iso(self.time_us),
            "state": self.state,
            "trained": self.trained,
            "models": {name: vote.to_wire() for name, vote in self.models.items()},
            "ensemble": {slug: round(p, 4) for slug, p in self.ensemble.items()},
            "rolling": {slug: round(p, 4) for slug, p in self.rolling.items()},
            "genre": self.genre,
            "probability": None if self.probability is None else round(self.probability, 4),
            "since": iso(self.since_us),
            "agreement": round(self.agreement, 3),
            "divergence": round(self.divergence, 4),
            "contenders": list(self.contenders),
            "band": self.band,
            "level": self.level.to_wire(),
            "hop_ms": round(self.hop_ms, 1),
            "lag_s": round(self.lag_s, 3),
            "dropped": self.dropped,
        }


@dataclass(frozen=True, slots=True)
class SegmentEvent:
    """A piece of the timeline begins ("new"), grows ("update") or is closed ("end").

    `end_us` is where the segment reaches so far; the start is known to plus and minus `error_s` seconds, and `blend`
    tells when the genre before was still heard in it. `genre` is set for music and speech; `note` says why where the
    kind alone does not ("starting", "analyzer restarting"). Over the hops whose window lies in it, or None where there
    are none: `probability` is the mean and `probability_min` the least probability of its genre in the ensemble (where
    it has none: of the likeliest), `agreement` and `divergence` the means, `models` each model's own genre (its
    commonest first choice), `level_dbfs` the mean level.
    """

    topic: ClassVar[str] = "segment"
    station: str
    change: SegmentChange
    start_us: int
    end_us: int
    kind: SegmentKind
    genre: str | None = None
    note: str | None = None
    error_s: float = 0.0
    blend: Blend | None = None
    probability: float | None = None
    probability_min: float | None = None
    agreement: float | None = None
    divergence: float | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    level_dbfs: float | None = None
    titles: tuple[str, ...] = ()
    trained: bool = False

    @property
    def id(self) -> str:
        """Unique and stable over restarts: the station and the start in microseconds."""
        return f"{self.station}:{self.start_us}"

    def to_wire(self) -> dict[str, Any]:
        """The `segment` message."""
        return {
            "type": "segment",
            "change": self.change,
            "id": self.id,
            "station": self.station,
            "start": iso(self.start_us),
            "end": iso(self.end_us),
            "kind": self.kind,
            "genre": self.genre,
            "note": self.note,
            "error_s": round(self.error_s, 2),
            "blend": None if self.blend is None else blend_to_wire(self.blend),
            "probability": _rounded(self.probability),
            "probability_min": _rounded(self.probability_min),
            "agreement": _rounded(self.agreement),
            "divergence": _rounded(self.divergence),
            "models": dict(self.models),
            "level_dbfs": None if self.level_dbfs is None else round(self.level_dbfs, 1),
            "titles": list(self.titles),
            "trained": self.trained,
        }


def blend_to_wire(blend: Blend) -> dict[str, Any]:
    """The `blend` object of a segment."""
    return {"before": blend.before, "start": iso(blend.start_us), "end": iso(blend.end_us)}


@dataclass(frozen=True, slots=True)
class StatusEvent:
    """How a station, its source and the analyzer are. Sent on every change and once a second.

    `source_format` is what the source said of its sound ({"rate", "channels", "codec", …}). `gap_samples` counts
    lost audio since the start, `xruns` the overflows and skipped packets that the source reported; `source_warning`
    is the newest of those, for a minute; `source_error` why the source is not running.
    """

    topic: ClassVar[str] = "status"
    station: str
    state: State
    trained: bool
    source: str
    source_state: SourceState
    source_restarts: int
    source_error: str | None
    source_format: Mapping[str, Any]
    title: str | None
    gap_samples: int
    xruns: int
    dropped_hops: int
    hops: int
    lag_s: float
    analyzer: AnalyzerState
    analyzer_restarts: int
    device: str | None
    hop_s: float | None
    source_warning: str | None = None

    def to_wire(self) -> dict[str, Any]:
        """The `status` message."""
        return {
            "type": "status",
            "station": self.station,
            "state": self.state,
            "trained": self.trained,
            "source": {
                "spec": self.source,
                "state": self.source_state,
                "restarts": self.source_restarts,
                "error": self.source_error,
                "warning": self.source_warning,
                "format": dict(self.source_format),
                "title": self.title,
            },
            "gap_samples": self.gap_samples,
            "xruns": self.xruns,
            "hops": self.hops,
            "dropped_hops": self.dropped_hops,
            "lag_s": round(self.lag_s, 3),
            "analyzer": {"state": self.analyzer, "restarts": self.analyzer_restarts, "device": self.device},
            "hop_s": None if self.hop_s is None else round(self.hop_s, 4),
        }


@dataclass(frozen=True, slots=True)
class TitleEvent:
    """The source named what it plays (ICY `StreamTitle`, or a file's tag)."""

    topic: ClassVar[str] = "title"
    station: str
    time_us: int
    title: str

    def to_wire(self) -> dict[str, Any]:
        """The `title` message."""
        return {"type": "title", "station": self.station, "time": iso(self.time_us), "title": self.title}


@dataclass(frozen=True, slots=True)
class ClockStepEvent:
    """The system clock was set, by `step_s` seconds (positive: forward); `time_us` is what it said right after.

    For the record alone: it is no message, since the status' warning tells clients.
    """

    topic: ClassVar[str] = "clock_step"
    station: str
    time_us: int
    step_s: float


@dataclass(frozen=True, slots=True)
class LevelEvent:
    """The level meter, several times a second, as soon as sound arrives and independent of the networks."""

    topic: ClassVar[str] = "level"
    station: str
    level: Level

    def to_wire(self) -> dict[str, Any]:
        """The `level` message."""
        return {"type": "level", "station": self.station, **self.level.to_wire()}


@dataclass(frozen=True, slots=True)
class NoticeEvent:
    """Something about the programme that somebody should know: it begins to hold, gets worse, or holds no longer.

    `name` tells notices of one kind apart (which quota, which show), "" where there is but one. `since_us` is when
    what it tells of began, `time_us` when that was known. `text` is a plain sentence; `values` the figures behind it,
    of JSON's types. A notice that is raised again under the same `id` has become worse (`severity`).
    """

    topic: ClassVar[str] = "notice"
    station: str
    kind: NoticeKind
    name: str
    change: NoticeChange
    severity: Severity
    since_us: int
    time_us: int
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The same from raised to cleared, and over restarts."""
        return f"{self.station}:{self.kind}:{self.name}"

    def to_wire(self) -> dict[str, Any]:
        """The `notice` message."""
        return {
            "type": "notice",
            "id": self.id,
            "station": self.station,
            "kind": self.kind,
            "name": self.name,
            "change": self.change,
            "severity": self.severity,
            "since": iso(self.since_us),
            "time": iso(self.time_us),
            "text": self.text,
            "values": dict(self.values),
        }


SPECTROGRAMS: tuple[str, ...] = ("cqt", "mel")
"""Kinds of spectrogram; the index is the `kind` byte of a columns frame."""

_COLUMNS_HEADER = struct.Struct("<BBHHHQ")


@dataclass(frozen=True, slots=True)
class ColumnsEvent:
    """New spectrogram columns of one hop, as bytes of decibels (`DB_FLOOR` + value · `DB_STEP`).

    CQT: 20·log10 of the magnitude; Mel: 10·log10 of the power. `data` is column after column, each from the lowest
    bin to the highest. `first_column` counts columns of the station from 0: column k is centred on sample 512·k.
    """

    topic: ClassVar[str] = "spectrogram"
    station: str
    kind: Spectrogram
    bins: int
    first_column: int
    data: bytes = field(repr=False)

    @property
    def columns(self) -> int:
        """How many columns `data` holds."""
        return len(self.data) // self.bins

    def to_bytes(self, station_index: int) -> bytes:
        """One binary WebSocket frame, little-endian.

        uint8 version (1), uint8 kind (0 CQT, 1 Mel), uint16 station (its place in hello's `stations`), uint16 bins,
        uint16 columns, uint64 first column; then columns x bins bytes.
        """
        kind = SPECTROGRAMS.index(self.kind)
        head = _COLUMNS_HEADER.pack(WIRE_VERSION, kind, station_index, self.bins, self.columns, self.first_column)
        return head + self.data


@dataclass(frozen=True, slots=True)
class StationsEvent:
    """The list of stations became another one: the hub's `about` has it. It is of no station, and for everybody."""

    topic: ClassVar[str] = "stations"
    station: ClassVar[str] = ""


Event = (
    HopEvent
    | SegmentEvent
    | StatusEvent
    | TitleEvent
    | ClockStepEvent
    | LevelEvent
    | ColumnsEvent
    | NoticeEvent
    | StationsEvent
)

TOPICS: tuple[str, ...] = ("hop", "segment", "status", "title", "level", "spectrogram", "notice")
"""What clients may subscribe to."""


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
