"""Everything that a running daemon says, against the published schema: no field may be missing, unknown or wrong."""

import asyncio
import json
import struct
import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import aiomqtt
import httpx
import jsonschema
from websockets.sync.client import connect

from ccmusicd.protocol.schema import schema

TOPICS = ["hop", "segment", "status", "title", "level", "spectrogram"]
JSON_TOPICS = {"info": "MqttInfo", "state": "MqttState", "attributes": "MqttAttributes", "probs": "MqttProbs"}


def strict(part: Any) -> Any:
    """A schema in which objects have no field that it does not name."""
    if isinstance(part, list):
        return [strict(each) for each in part]
    if not isinstance(part, Mapping):
        return part
    own = {key: strict(value) for key, value in part.items()}
    if "properties" in part and part.get("type") == "object":
        own["additionalProperties"] = False
    return own


SCHEMA = strict(schema())
FORMATS = jsonschema.FormatChecker()


def is_moment(text: object) -> bool:
    return not isinstance(text, str) or datetime.fromisoformat(text).tzinfo is not None


FORMATS.checks("date-time", raises=ValueError)(is_moment)


def check(name: str, message: Any) -> None:
    """Fail, with the innermost reason, unless the message is a `name`."""
    definition = {**SCHEMA, "$ref": f"#/$defs/{name}"}
    jsonschema.Draft202012Validator(definition, format_checker=FORMATS).validate(message)


class Ears:
    """What a WebSocket client and MQTT's subscriber were told."""

    def __init__(self, address: str) -> None:
        self.texts: list[dict[str, Any]] = []
        self.columns: list[bytes] = []
        self.pause: Callable[[str], None] = lambda _kind: None
        self._address = address.replace("http", "ws") + "/ws"
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        with connect(self._address, proxy=None) as client:
            client.send(json.dumps({"type": "subscribe", "topics": TOPICS}))
            client.send("[]")  # which is no command
            self.pause = lambda kind: client.send(json.dumps({"type": kind, "station": "input"}))
            for message in client:
                if isinstance(message, bytes):
                    self.columns.append(message)
                else:
                    self.texts.append(json.loads(message))

    def kinds(self) -> set[str]:
        return {message["type"] for message in list(self.texts)}

    def join(self) -> None:
        self._thread.join(10)


PATHS = {
    "/api/v1/stations": "Stations",
    "/api/v1/now": "NowAnswer",
    "/api/v1/now?station=input": "NowAnswer",
    "/api/v1/now?station=nowhere": "Refusal",
    "/api/v1/timeline?tz=Nowhere/Land": "Refusal",
    "/api/v1/rolling?station=input": "Rolling",
    "/api/v1/rolling?station=nowhere": "Refusal",
    "/api/v1/nothing": "Refusal",
    "/healthz": "Health",
    "/readyz": "Readiness",
}


async def test_what_a_daemon_says_is_as_published(
    daemon: Callable[..., Any], broker: Any, wait_until: Callable[..., None]
) -> None:
    broker.start()
    running = daemon("--input", "demo", "--mqtt", broker.url, CCMUSIC_DAEMON__NODE="desk")
    wait_until(lambda: running.address, 30, "the viewer's address")
    ears = Ears(running.address)
    expected = {"hello", "snapshot", "hop", "segment", "status", "title", "level", "error"}
    wait_until(lambda: ears.kinds() >= expected and ears.columns, 60, "a message of each kind")
    hellos = [message for message in ears.texts if message["type"] == "hello"]
    assert hellos[0]["hop_s"] is None or len(hellos) == 1
    async with httpx.AsyncClient(base_url=running.address, trust_env=False) as client:
        for path, name in PATHS.items():
            check(name, (await client.get(path)).json())
        pieces = (await client.get("/api/v1/timeline")).json()
        past = (await client.get("/api/v1/rolling?from=-60s&station=input")).json()
        for path in ("picture/mobilenet_v3_large_cqt.png", "spectrogram/mel.png"):
            answer = await client.get(f"/api/v1/stations/input/{path}")
            assert (answer.status_code, answer.content[:8]) == (200, b"\x89PNG\r\n\x1a\n")
    assert pieces
    # The record has no hop yet, since it gets them by the minute.
    assert past["newest"] >= next(message["time"] for message in ears.texts if message["type"] == "hop")
    for piece in pieces:
        check("TimelinePiece", piece)
    ears.pause("pause")
    wait_until(lambda: any(m.get("state") == "paused" for m in ears.texts if m["type"] == "status"), 10, "a pause")
    wait_until(lambda: any(m.get("change") == "end" for m in ears.texts), 10, "the end of a segment")
    async with asyncio.timeout(60), aiomqtt.Client("127.0.0.1", broker.port) as client:
        await client.subscribe("ccmusic/desk/#")
        ears.pause("resume")
        heard: set[str] = set()
        async for message in client.messages:
            last = str(message.topic).rpartition("/")[2]
            if last == "event" or (last in JSON_TOPICS and str(message.topic) != "ccmusic/desk/input/enabled/state"):
                check("MqttEvent" if last == "event" else JSON_TOPICS[last], json.loads(bytes(message.payload)))
                heard.add(last)
            if heard == {"event", *JSON_TOPICS}:
                break
    assert running.terminate() == 0
    ears.join()
    for text in ears.texts:
        check(text["type"].capitalize(), text)
        check("ServerMessage", text)
    for frame in ears.columns:
        version, kind, station, bins, columns, _first = struct.unpack_from("<BBHHHQ", frame)
        assert (version, station, len(frame)) == (1, 0, 16 + bins * columns)
        assert bins == hellos[-1]["spectrogram"][("cqt", "mel")[kind]]["bins"]
