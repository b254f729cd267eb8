"""The protocol as one JSON Schema document (2020-12)."""

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

from ccmusicd.events import WIRE_VERSION
from ccmusicd.protocol.http_api import (
    ClipAnswer,
    ClipLine,
    EndLine,
    FailedLine,
    Health,
    HttpAnswer,
    NowAnswer,
    Readiness,
    Refusal,
    Rolling,
    Stations,
    TimelinePiece,
    WindowLine,
)
from ccmusicd.protocol.mqtt import (
    MqttAttributes,
    MqttEvent,
    MqttInfo,
    MqttMessage,
    MqttNotice,
    MqttNotices,
    MqttProbs,
    MqttState,
)
from ccmusicd.protocol.websocket import (
    ClientMessage,
    Error,
    Gone,
    Hello,
    Hop,
    Level,
    Notice,
    Pause,
    Resume,
    Segment,
    ServerMessage,
    Snapshot,
    Status,
    Subscribe,
    Title,
    Token,
)

FROM_SERVER = (Hello, Snapshot, Hop, Segment, Status, Title, Level, Notice, Gone, Error)
FROM_CLIENT = (Subscribe, Pause, Resume, Token)
OVER_MQTT = (MqttInfo, MqttState, MqttAttributes, MqttProbs, MqttEvent, MqttNotice, MqttNotices)
OVER_HTTP = (
    Stations,
    NowAnswer,
    TimelinePiece,
    Rolling,
    ClipAnswer,
    ClipLine,
    WindowLine,
    EndLine,
    FailedLine,
    Health,
    Readiness,
    Refusal,
)

_UNIONS: dict[str, Any] = {
    "ServerMessage": ServerMessage,
    "ClientMessage": ClientMessage,
    "MqttMessage": MqttMessage,
    "HttpAnswer": HttpAnswer,
}


class _Untitled(GenerateJsonSchema):
    """Without a title for each field, which would repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - the library's signature
        return False


def schema() -> dict[str, Any]:
    """Every message below `$defs`, by its name; `ServerMessage` and the like are any of theirs.

    Objects may gain fields within a version, so that what is not named here is allowed.
    """
    adapters = [(name, "serialization", TypeAdapter(union)) for name, union in _UNIONS.items()]
    unions, whole = TypeAdapter.json_schemas(adapters, schema_generator=_Untitled)  # type: ignore[arg-type]
    definitions = dict(whole["$defs"])
    event = definitions["MqttEvent"]  # as a segment, but for what `type` says
    event["properties"]["type"] = event["properties"].pop("change")
    event["required"] = [key for key in event["required"] if key != "change"]
    for (name, _), union in unions.items():
        definitions[str(name)] = union
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"ccmusic-stream, version {WIRE_VERSION} of the wire",
        "description": "One message each: #/$defs/ServerMessage, ClientMessage, MqttMessage, HttpAnswer, or any other.",
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }
