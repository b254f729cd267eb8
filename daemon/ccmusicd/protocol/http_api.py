"""JSON answers over HTTP."""

from typing import Annotated, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from ccmusic_stream.segments import SegmentKind
from ccmusicd.events import State
from ccmusicd.found import AdviceCode
from ccmusicd.protocol.fields import Band, Count, Moment, Probabilities, Probability, Range, Ranked, Seconds
from ccmusicd.protocol.websocket import Blend, Now


class Refusal(TypedDict):
    """Every answer that is not 2xx, but that of /healthz and /readyz."""

    error: Annotated[str, Field(description="a sentence for people")]


class StationRow(TypedDict):
    """One station of `GET /api/v1/stations`."""

    id: str
    name: str
    source: str
    state: State
    title: str | None
    genre: str | None
    probability: Probability | None
    band: Band | None


class Stations(TypedDict):
    """`GET /api/v1/stations`: each station in a line."""

    version: Literal[1]
    software: str
    trained: bool
    stations: list[StationRow]


class NowAnswer(TypedDict):
    """`GET /api/v1/now?station=`: the newest of all stations, or of one."""

    version: Literal[1]
    software: str
    trained: bool
    stations: Annotated[dict[str, Now], Field(description="by id")]


class TimelinePiece(TypedDict):
    """One object of `GET /api/v1/timeline?format=json` (an array) or `jsonl`: a segment, cut to the range."""

    station: str
    start: Moment
    end: Moment
    error_s: Annotated[float | None, Field(description="its start is known to plus and minus so many seconds")]
    seconds: Seconds
    kind: SegmentKind
    genre: str | None
    note: str | None
    blend: Blend | None
    probability: Probability | None
    probability_min: Probability | None
    agreement: Probability | None
    divergence: Probability | None
    models: Annotated[dict[str, str], Field(description="each model's own genre")]
    level_dbfs: float | None
    titles: list[str]
    trained: bool
    open: Annotated[bool, Field(description="it still grows")]
    cut: Literal["", "start", "end", "start end"]


class TimedTitle(TypedDict):
    """What the source named, and when."""

    time: Moment
    title: str


class ClockStep(TypedDict):
    """The system clock was set; what it skipped, or showed twice, lies between `time` and `step_s` before it."""

    time: Annotated[Moment, Field(description="what it said right after")]
    step_s: Annotated[float, Field(description="positive: set forward")]


class Rolling(TypedDict):
    """`GET /api/v1/rolling`: a station's past in steps of equal width, from the record and what is not yet in it.

    Counted are the hops of music, speech and doubt on which a network voted; a step without any has null everywhere.
    """

    version: Literal[1]
    station: str
    start: Annotated[Moment, Field(description="of the first step: a whole multiple of its width since 1970")]
    end: Annotated[Moment, Field(description="of the range; the last step may reach further")]
    step_s: Annotated[float, Field(ge=1, description="width of a step: whole seconds")]
    newest: Annotated[Moment | None, Field(description="of the newest hop in the range, counted or not")]
    hops: Annotated[list[Count], Field(description="how many count, by step")]
    labels: Annotated[list[str], Field(description="slugs, also those of bundles that were used then")]
    ensemble: Annotated[dict[str, list[Probability | None]], Field(description="means by slug and step")]
    models: Annotated[
        dict[str, list[int | None]], Field(description="commonest first choice by model and step: its place in labels")
    ]
    divergence: Annotated[list[Probability | None], Field(description="means by step")]
    titles: Annotated[list[TimedTitle], Field(max_length=500, description="the newest in the range, oldest first")]
    clock_steps: Annotated[
        list[ClockStep], Field(max_length=500, description="the newest that touch the range, in the order they came")
    ]


class Health(TypedDict):
    """`GET /healthz`: 200, or 503 while not everything is analysed."""

    status: Literal["ok", "failing"]
    reason: str | None
    analyzer: str
    timeline: str
    mqtt: str
    clients_cut: int


class Readiness(TypedDict):
    """`GET /readyz`: 200, or 503 until the networks could compute a hop."""

    ready: bool
    reasons: list[str]


class ClipVote(TypedDict):
    """One network's vote on one clip."""

    probabilities: Annotated[Probabilities, Field(description="of all labels; empty: error")]
    top5: Annotated[list[Ranked], Field(max_length=5, description="[slug, probability], best first")]
    ms: Annotated[float, Field(ge=0, description="milliseconds that it took")]
    error: str | None


class ClipWindow(TypedDict):
    """Ten seconds of an uploaded recording; what is shorter is repeated from its start."""

    start_s: Seconds
    end_s: Seconds
    models: Annotated[dict[str, ClipVote], Field(description="by the model's name")]
    ensemble: Annotated[Probabilities, Field(description="what all say together; empty when none voted")]
    agreement: Probability
    divergence: Probability
    contenders: list[str]
    band: Band


class ClipAdvice(TypedDict):
    """Why the answer may be worth little, for programs."""

    code: AdviceCode
    value: Annotated[float, Field(description="faults, seconds, hertz, kbit/s, dB: in the order of the codes")]
    text: Annotated[str, Field(description="the warning")]


class ClipAnswer(TypedDict):
    """`POST /api/v1/clips`: what `ccmusicd classify --json` says of the file in the body."""

    file: Annotated[str, Field(description="its `name`, as the client gave it")]
    duration_s: Seconds
    trained: bool
    warnings: Annotated[list[str], Field(description="why the answer may be worth little, in sentences")]
    advice: list[ClipAdvice]
    windows: list[ClipWindow]


class ClipSpectrogram(TypedDict):
    """The clip's spectrogram; its columns begin with the clip, and follow each other as the live ones do."""

    kind: Literal["cqt", "mel"]
    bins: Count
    columns: Count
    levels: Annotated[str, Field(description="base64 of a byte a cell as in the binary columns: columns × bins")]


class ClipPicture(TypedDict):
    """What some of the networks saw."""

    models: list[str]
    png: Annotated[str, Field(description="base64 of a PNG, 224 × 224")]


class ClipSeen(TypedDict):
    """What was to be seen of a clip."""

    spectrograms: list[ClipSpectrogram]
    pictures: list[ClipPicture]


class ClipLine(TypedDict):
    """The first line of `POST /api/v1/clips?format=jsonl`: what is known before the networks look."""

    type: Literal["clip"]
    file: Annotated[str, Field(description="its `name`, as the client gave it")]
    duration_s: Seconds
    trained: bool
    windows: Annotated[int, Field(ge=1, description="how many lines of windows follow")]
    outline: NotRequired[Annotated[list[Range], Field(description="with `pictures`: the sound, in equal parts")]]


class WindowLine(ClipWindow):
    """A line for each window, as soon as the networks have looked at it."""

    type: Literal["window"]
    seen: NotRequired[Annotated[ClipSeen, Field(description="with `pictures`")]]


class EndLine(TypedDict):
    """The last line: nothing is missing."""

    type: Literal["end"]
    warnings: list[str]
    advice: list[ClipAdvice]


class FailedLine(TypedDict):
    """The last line where the rest was not analysed."""

    type: Literal["failed"]
    error: Annotated[str, Field(description="a sentence for people")]


_ClipLines = ClipLine | WindowLine | EndLine | FailedLine
_Past = list[TimelinePiece] | Rolling
HttpAnswer = ClipAnswer | _ClipLines | Refusal | Stations | NowAnswer | _Past | Health | Readiness
