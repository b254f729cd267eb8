"""JSON payloads of MQTT, below `<root>/<node>`; the other topics are plain words and numbers."""

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import TypedDict

from ccmusicd.events import State
from ccmusicd.protocol.fields import Band, Moment, Probabilities, Probability, Ranked
from ccmusicd.protocol.websocket import Label, Model, Notice, Segment, Station


class MqttInfo(TypedDict):
    """`.../info`, retained: what the daemon is."""

    version: Literal[1]
    software: str
    node: str
    bundle: str
    trained: bool
    labels: list[Label]
    models: list[Model]
    stations: list[Station]
    hop_s: float | None
    device: str | None


class MqttState(TypedDict):
    """`.../<station>/state`, retained: the stable genre, on change."""

    genre: str | None
    probability: Probability | None
    agreement: Probability | None
    band: Band | None
    title: str | None
    since: Moment | None
    trained: bool
    state: State


class MqttAttributes(TypedDict):
    """`.../<station>/attributes`, retained: what home automation shows beside the genre."""

    top5: Annotated[list[Ranked], Field(max_length=5, description="[slug, rolling probability], best first")]
    title: str | None
    since: Moment | None
    trained: bool


class MqttProbs(TypedDict):
    """`.../<station>/probs`: every hop."""

    time: Moment
    seq: int
    state: State
    trained: bool
    rolling: Probabilities
    ensemble: Probabilities
    models: Annotated[dict[str, Ranked | None], Field(description="each model's first choice; null: it did not vote")]
    agreement: Probability
    divergence: Probability


class MqttEvent(Segment):
    """`.../<station>/event`: a segment; `type` says what happened to it, and there is no `change`."""


class MqttNotice(Notice):
    """`.../<station>/notice`: a notice is raised, cleared or told."""


class MqttNotices(TypedDict):
    """`.../<station>/notices`, retained, where any are configured: what holds now."""

    dead_air: bool
    programme: Annotated[bool, Field(description="a quota, a show or a declared genre is not as it should be")]
    active: Annotated[list[Notice], Field(description="those that hold")]


MqttMessage = MqttInfo | MqttState | MqttAttributes | MqttProbs | MqttEvent | MqttNotice | MqttNotices
