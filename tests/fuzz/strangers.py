"""What comes over the network from anybody: WebSocket, HTTP, MQTT."""

import asyncio
import re
from functools import cache
from typing import Any
from unittest import mock
from urllib.parse import unquote

from starlette.types import ASGIApp, Message

from ccmusic_stream.labels import Label, Labels
from ccmusicd.events import SegmentEvent
from ccmusicd.excerpts import excerpt
from ccmusicd.hub import About, Hub, ModelInfo, StationInfo
from ccmusicd.publish.access import Access
from ccmusicd.publish.connection import framed
from ccmusicd.publish.mqtt import Mqtt
from ccmusicd.publish.record import Record
from ccmusicd.publish.web import Web
from ccmusicd.publish.websocket import CommandError, Session
from ccmusicd.publish.wire import Wire, compact
from tests.fuzz.target import Target, scratch_folder

NOW_US = 1_770_000_000_000_000


@cache
def _hub() -> Hub:
    labels = Labels([Label("jazz", "Jazz", "爵士"), Label("rock", "Rock", "摇滚")])
    stations = (StationInfo("main", "Main", "demo"), StationInfo("other", "Other", "demo"))
    models = (ModelInfo("resnet50_mel", "resnet50", "mel"),)
    return Hub(About("node", "light", trained=True, labels=labels, models=models, stations=stations))


def websocket_commands(data: bytes) -> None:
    """Messages to `/ws`, one a line."""
    hub = _hub()
    websocket: Any = mock.Mock()
    session = Session(websocket, hub, Wire(hub), pause=lambda _station, _paused: None, send_timeout_s=1)
    access = Access(token="0123456789abcdef")  # noqa: S106 - of nothing
    for line in data.split(b"\n"):
        text = line.decode("utf-8", "surrogateescape")
        access.knows_message(text)
        try:
            session._command(text)
        except CommandError as error:
            framed(compact({"type": "error", "message": str(error)}))
        for event in (hub.latest["main"].segment, hub.latest["main"].status):
            assert event is None or isinstance(session._inbox.wants(event), bool)
    hub.unsubscribe(session._inbox)


@cache
def _record_url() -> str:
    url = f"sqlite:///{scratch_folder() / 'timeline.sqlite'}"
    record = Record(url)
    record.open()
    day_us = NOW_US - 86_400_000_000
    segments = [
        SegmentEvent(
            "main", "end", day_us + 60_000_000 * n, day_us + 60_000_000 * (n + 1), "music", "jazz", trained=True
        )
        for n in range(5)
    ]
    record.write(segments, ())
    record.close()
    return url


@cache
def _application() -> ASGIApp:
    viewer = scratch_folder() / "viewer"
    viewer.mkdir()
    (viewer / "index.html").write_text("<!doctype html>")
    names = {"main": "Main", "other": "Other"}
    web = Web(
        _hub(), host="127.0.0.1", port=0, viewer=viewer, ready=lambda: True, root_path="/radio",
        timeline=lambda asked: excerpt(_record_url(), asked, names=names, now_us=NOW_US),
        access=Access(allowed_hosts=["radio.example"], allowed_origins=["https://radio.example"]),
        limiter=mock.Mock(wait_s=lambda _address: 0.0),
    )  # fmt: skip
    return web._application()


_NAME, _VALUE = re.compile(rb"[a-z0-9-]+"), re.compile(rb"[\x20-\x7e\x80-\xff]*")


def http_queries(data: bytes) -> None:
    """A request after HTTP's own parser: method and target on the first line, then headers, an empty line, the body."""
    status = http_status(data)
    assert status is None or 200 <= status < 500, f"{data!r} is answered {status}"


def http_status(data: bytes) -> int | None:
    """The status of such a request's answer; None where the parser lets it through to nobody."""
    head, _, body = data.partition(b"\n\n")
    line, *headers = head.split(b"\n")
    method, _, target = line.partition(b" ")
    if not re.fullmatch(rb"[A-Z]{1,20}", method) or not re.fullmatch(rb"/[\x21-\x7e]*", target):
        return None  # h11 lets nothing else through
    path, _, query = target.partition(b"?")
    pairs = [(name.lower(), value.strip()) for name, _, value in (one.partition(b":") for one in headers)]
    pairs = [
        one for one in pairs if re.fullmatch(rb"[a-z0-9-]+", one[0]) and re.fullmatch(rb"[\x20-\x7e\x80-\xff]*", one[1])
    ]
    if not any(name == b"host" for name, _ in pairs):
        pairs.append((b"host", b"radio.example"))
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method.decode(), "scheme": "http",
        "path": unquote(path.decode("ascii")), "raw_path": path, "query_string": query, "root_path": "",
        "headers": pairs,
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "state": {"connection": mock.Mock()},
    }  # fmt: skip
    while True:
        status, told = _runner().run(_answer(_application(), scope, body))
        if b"others are reading" not in told:  # the one before has not let go of its place yet
            return status


@cache
def _runner() -> asyncio.Runner:
    return asyncio.Runner()


async def _answer(application: ASGIApp, scope: dict[str, Any], body: bytes) -> tuple[int, bytes]:
    sent: list[Message] = []
    asked = iter([{"type": "http.request", "body": body, "more_body": False}])
    gone = asyncio.Event()

    async def receive() -> Message:
        message = next(asked, None)
        if message is None:
            await gone.wait()
        return message or {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    await application(scope, receive, send)
    starts = [message["status"] for message in sent if message["type"] == "http.response.start"]
    assert len(starts) == 1, f"{len(starts)} answers"
    return int(starts[0]), b"".join(message.get("body", b"") for message in sent)


@cache
def _mqtt() -> Mqtt:
    return Mqtt(_hub(), url="mqtt://127.0.0.1:1", node="node", on_enabled=_switched, discovery_prefix="homeassistant")


def _switched(station: str, on: object) -> None:
    assert station in _hub().latest
    assert isinstance(on, bool)


def mqtt_commands(data: bytes) -> None:
    """A message of the broker: the topic on the first line, then whether it is retained, then the payload."""
    topic, _, rest = data.partition(b"\n")
    retained, _, payload = rest.partition(b"\n")
    name = topic.decode("utf-8", "replace")
    mqtt = _mqtt()
    mqtt._command(name, payload, retained=retained == b"1")
    assert mqtt._home is not None
    assert mqtt._home.is_own(name, payload) in {True, False}
    mqtt._ignored.clear()


_QUERIES = (
    b"GET /api/v1/timeline?station=main&from=yesterday&to=now&tz=Europe/Berlin&format=csv",
    b"GET /api/v1/timeline?from=2026-01-31T14:30&to=-1h&format=audacity&station=main",
    b"GET /api/v1/timeline?format=report&from=2026-02-01&tz=America/New_York",
    b"GET /api/v1/timeline?format=cue&station=main&from=0001-01-01T00:00Z&to=9999-12-31T23:59Z",
    b"HEAD /radio/api/v1/now?station=other\nhost: radio.example",
    b'GET /api/v1/stations\norigin: https://radio.example\nif-none-match: "x"',
    b"GET /radio/../index.html\nhost: radio.example\nrange: bytes=0-3",
    b"POST /api/v1/clips?format=jsonl\ncontent-type: audio/mpeg\ncontent-length: 3\n\nabc",
    b"GET /%2e%2e/%00/a%ff\nauthorization: Basic YTpi",
)

TARGETS = {
    "websocket_commands": Target(
        websocket_commands,
        (
            b'{"type":"subscribe","topics":["hop","level"],"stations":["main"]}\n{"type":"pause","station":"main"}',
            b'{"type": "resume", "station": "other"}\n{"type": "token", "token": "0123456789abcdef"}',
            b'{"type": ["x"], "topics": {"a": null}, "stations": null}',
        ),
        (
            b'"type"',
            b'"subscribe"',
            b'"topics"',
            b'"stations"',
            b"null",
            b"[",
            b"[" * 5000,
            b"{",
            b'"\\ud800"',
            b"1e999",
            b"9" * 5000,
            b"NaN",
            b"\xed\xa0\x80",
            b"\n",
            b'"token"',
            b'"\xc3\xa9"',
        ),
    ),
    "http_queries": Target(
        http_queries,
        _QUERIES,
        (
            b"?",
            b"&",
            b"=",
            b"%00",
            b"%ff",
            b"%ed%a0%80",
            b"station=",
            b"from=",
            b"to=",
            b"tz=",
            b"format=",
            b"report",
            b"audacity",
            b"0001-01-01",
            b"9999-12-31",
            b"T23:59:60",
            b"+24:00",
            b"-99999999d",
            b"Z",
            b"../",
            b"America",
            b"Pacific/Apia",
            b"2011-12-30",
            b"\nrange: bytes=",
            b"\nhost: [::1",
            b"\norigin: http://[",
            b"9" * 30,
        ),
    ),
    "mqtt_commands": Target(
        mqtt_commands,
        (
            b"ccmusic/node/main/enabled/set\n0\nON",
            b"ccmusic/node/other/enabled/set\n1\nOFF",
            (
                b'homeassistant/device/ccmusic_node_main/config\n1\n{"origin":{"name":"ccmusic-stream"},'
                b'"availability":[{"topic":"ccmusic/node/status"}]}'
            ),
        ),
        (
            b"/enabled/set",
            b"ccmusic/node/",
            b"\n1\n",
            b"ON",
            b"[" * 5000,
            b'"origin"',
            b"null",
            b"9" * 5000,
            b"\xff",
            b"\0",
        ),
    ),
}
