"""Messages of `/ws`, in both directions. Those of the server that are JSON; spectrogram columns are binary."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from ccmusic_stream.segments import SegmentKind
from ccmusicd.events import AnalyzerState, NoticeChange, NoticeKind, SegmentChange, Severity, SourceState, State
from ccmusicd.protocol.fields import Band, Count, Decibels, Moment, Probabilities, Probability, Ranked, Seconds


class Label(TypedDict):
    """A class that the networks know."""

    slug: Annotated[str, Field(description="its name in messages, topics and the record")]
    en: str
    zh: str
    music: Annotated[bool, Field(description="false: speech and the like")]
    parent: Annotated[str | None, Field(description="slug of the wider class, where the labels have such")]


class Model(TypedDict):
    """One of the networks."""

    name: str
    backbone: str
    spectrogram: Literal["cqt", "mel"]
    profile: Annotated[str, Field(description="how its picture is drawn; low notes are at the top but in `ccmusic`")]
    error: Annotated[str | None, Field(description="why it does not vote; null: it does")]


class Station(TypedDict):
    """A station; its place in the list is its number in binary frames."""

    id: Annotated[str, Field(description="in messages, topics and addresses")]
    name: Annotated[str, Field(description="for people")]
    source: Annotated[str, Field(description="what it listens to; passwords are redacted")]


class CqtAxis(TypedDict):
    """Where the bins of a CQT lie."""

    bins: int
    fmin_hz: float
    bins_per_octave: int


class MelAxis(TypedDict):
    """Where the bands of a Mel spectrogram lie."""

    bins: int
    fmin_hz: float
    fmax_hz: float


class SpectrogramAxes(TypedDict):
    """What the bytes of spectrogram columns mean."""

    sample_rate: Annotated[int, Field(description="hertz")]
    hop_length: Annotated[int, Field(description="samples from one column to the next")]
    db_floor: Annotated[float, Field(description="decibels of the byte 0")]
    db_step: Annotated[float, Field(description="decibels from one value to the next")]
    cqt: CqtAxis
    mel: MelAxis


class Hello(TypedDict):
    """The first message, and again whenever something in it changes (the networks are loaded, a model fails).

    After a new configuration the stations may be others, and so their places in binary frames: then `gone` and another
    `snapshot` follow at once. What a station with a new source counts in samples begins at 0 again.
    """

    type: Literal["hello"]
    version: Literal[1]
    software: str
    node: Annotated[str, Field(description="name of the daemon, as in MQTT topics")]
    bundle: str
    trained: Annotated[bool, Field(description="false: random weights, whose genres mean nothing")]
    labels: Annotated[list[Label], Field(description="in the order of the networks' outputs")]
    models: list[Model]
    stations: list[Station]
    hop_s: Annotated[float | None, Field(description="seconds between hops; null until the networks are loaded")]
    window_s: Annotated[float, Field(description="seconds that a vote looks back")]
    device: Annotated[str | None, Field(description="cpu or cuda:N; null until the networks are loaded")]
    spectrogram: SpectrogramAxes


class LevelValues(TypedDict):
    """A level in dB relative to full scale; digital zero is -120."""

    rms_dbfs: Decibels
    peak_dbfs: Decibels
    clipped: bool


class ModelVote(TypedDict):
    """One network's vote on one hop."""

    top5: Annotated[list[Ranked], Field(max_length=5, description="[slug, probability], best first; empty: error")]
    ms: Annotated[Seconds, Field(description="milliseconds that it took")]
    error: str | None


class Hop(TypedDict):
    """The votes on the newest ten seconds, on every hop, and what comes of them."""

    type: Literal["hop"]
    station: str
    seq: Annotated[int, Field(ge=1, description="counts the station's hops since the start")]
    end_sample: Annotated[int, Field(ge=0, description="the newest sample, counted from the station's first")]
    time: Annotated[Moment, Field(description="when that sample was on air")]
    state: State
    trained: bool
    models: Annotated[dict[str, ModelVote], Field(description="by the model's name")]
    ensemble: Annotated[Probabilities, Field(description="what all say together; empty when none voted")]
    rolling: Annotated[Probabilities, Field(description="its exponential average")]
    genre: Annotated[str | None, Field(description="slug of the stable genre; null unless state is music or speech")]
    probability: Annotated[Probability | None, Field(description="its rolling probability")]
    since: Annotated[Moment, Field(description="when the state or genre began")]
    agreement: Annotated[Probability, Field(description="share of the models of one mind")]
    divergence: Annotated[Probability, Field(description="0: all alike, 1: all different")]
    contenders: Annotated[list[str], Field(description="slugs, when the vote is split")]
    band: Annotated[Band, Field(description="reliable from 85 %, check from 65 %")]
    level: LevelValues
    hop_ms: Annotated[Seconds, Field(description="milliseconds in which the networks saw it")]
    lag_s: Annotated[float, Field(description="seconds from its newest sample to these votes")]
    dropped: Annotated[Count, Field(description="hops without votes since the start")]


class Blend(TypedDict):
    """Two genres heard together: the one before the segment's was heard until `end`."""

    before: str
    start: Moment
    end: Moment


class Segment(TypedDict):
    """A stretch of the timeline begins, grows or ends; together they add up to the wall clock."""

    type: Literal["segment"]
    change: SegmentChange
    id: Annotated[str, Field(description="stays the same over changes and restarts")]
    station: str
    start: Moment
    end: Annotated[Moment, Field(description="how far it reaches by now")]
    kind: SegmentKind
    genre: str | None
    note: Annotated[str | None, Field(description="why, where the kind alone does not say it")]
    error_s: Annotated[float, Field(ge=0, description="its start is known to plus and minus so many seconds")]
    blend: Annotated[Blend | None, Field(description="set where it began while another genre was still heard")]
    probability: Annotated[Probability | None, Field(description="mean over its hops")]
    probability_min: Probability | None
    agreement: Annotated[Probability | None, Field(description="mean over its hops")]
    divergence: Annotated[Probability | None, Field(description="mean over its hops")]
    models: Annotated[dict[str, str], Field(description="each model's own genre: its commonest first choice")]
    level_dbfs: Annotated[float | None, Field(description="mean level")]
    titles: list[str]
    trained: bool


class Source(TypedDict):
    """What a station listens to."""

    spec: str
    state: SourceState
    restarts: Count
    error: Annotated[str | None, Field(description="why it is not running")]
    warning: Annotated[str | None, Field(description="the newest, for a minute")]
    format: Annotated[dict[str, Any], Field(description="as the source says it: rate, channels, codec, ...")]
    title: str | None


class AnalyzerStatus(TypedDict):
    """The process with the networks."""

    state: AnalyzerState
    restarts: Count
    device: str | None


class Status(TypedDict):
    """How a station is: on every change and once a second."""

    type: Literal["status"]
    station: str
    state: State
    trained: bool
    source: Source
    gap_samples: Annotated[Count, Field(description="samples lost since the start")]
    xruns: Annotated[Count, Field(description="overflows and broken packets of the source")]
    hops: Count
    dropped_hops: Count
    lag_s: Annotated[Seconds, Field(description="how long the next hop has been due")]
    analyzer: AnalyzerStatus
    hop_s: float | None


class Title(TypedDict):
    """The source named what it plays."""

    type: Literal["title"]
    station: str
    time: Moment
    title: str


class Level(TypedDict):
    """The level of the newest tenth of a second; only when subscribed to."""

    type: Literal["level"]
    station: str
    rms_dbfs: Decibels
    peak_dbfs: Decibels
    clipped: bool


class Notice(TypedDict):
    """Something about the programme begins to hold, gets worse or holds no longer; only when subscribed to."""

    type: Literal["notice"]
    id: Annotated[str, Field(description="the same from raised to cleared, and over restarts")]
    station: str
    kind: NoticeKind
    name: Annotated[str, Field(description="which of the kind: a quota, who declares; empty where there is but one")]
    change: Annotated[NoticeChange, Field(description="raised again: it got worse; told: it is over already")]
    severity: Severity
    since: Annotated[Moment, Field(description="when what it tells of began")]
    time: Annotated[Moment, Field(description="when that was known")]
    text: Annotated[str, Field(description="a sentence for people")]
    values: Annotated[dict[str, Any], Field(description="the figures behind it, by its kind")]


class Now(TypedDict):
    """The newest of a station; null: there is none (yet)."""

    status: Status | None
    hop: Hop | None
    segment: Segment | None
    notices: Annotated[list[Notice], Field(description="those that hold")]


class Snapshot(TypedDict):
    """The second message: the newest of every station, by its id. What follows continues it without a hole.

    Again after a `hello` that lists other stations than the last one.
    """

    type: Literal["snapshot"]
    stations: dict[str, Now]


class Gone(TypedDict):
    """A station is no longer configured; to those who subscribed to it. It may come back, in a later `hello`."""

    type: Literal["gone"]
    station: str


class Error(TypedDict):
    """The answer to a message that is no command. The fifth ends the connection (1008)."""

    type: Literal["error"]
    message: str


class Subscribe(TypedDict):
    """What to receive from now on; without it a client gets hop, segment, status and title of all stations."""

    type: Literal["subscribe"]
    stations: NotRequired[Annotated[list[str] | None, Field(description="ids; null: all")]]
    topics: NotRequired[list[Literal["hop", "segment", "status", "title", "level", "spectrogram", "notice"]]]


class Pause(TypedDict):
    """Stop listening to a station; its segments say paused."""

    type: Literal["pause"]
    station: str


class Resume(TypedDict):
    """Listen again."""

    type: Literal["resume"]
    station: str


class Token(TypedDict):
    """The first message where a token is asked for and no Authorization header had it; within 5 s, else 4401."""

    type: Literal["token"]
    token: str


ServerMessage = Hello | Snapshot | Hop | Segment | Status | Title | Level | Notice | Gone | Error
ClientMessage = Subscribe | Pause | Resume | Token
