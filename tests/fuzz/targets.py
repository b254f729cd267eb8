"""What strangers and files may feed to the daemon, each as a function of bytes: only its documented errors may occur.

hypothesis (in the tests) and atheris (`make fuzz`) call the same functions. `seeds` are inputs that go deep, `tokens`
pieces that mean something to the parser.
"""

import asyncio
import contextlib
import io
import os
import re
import socket
import tempfile
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import unquote

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from starlette.types import ASGIApp, Message
from torch import nn

from ccmusic_stream.errors import BundleError, CheckpointError
from ccmusic_stream.labels import Label, Labels
from ccmusic_stream.models.bundle import parse_bundle
from ccmusic_stream.models.checkpoint import check, identify, read_weight_file
from ccmusicd.capture.icy import HttpStream, stream_title
from ccmusicd.capture.output import Output, SourceError
from ccmusicd.capture.pcm import SAMPLE_FORMATS, RawFormat, play
from ccmusicd.capture.spec import SpecError, parse_spec
from ccmusicd.events import SegmentEvent
from ccmusicd.excerpts import excerpt
from ccmusicd.hub import About, Hub, ModelInfo, StationInfo
from ccmusicd.publish.access import Access
from ccmusicd.publish.broker import parse_broker
from ccmusicd.publish.connection import framed
from ccmusicd.publish.errors import TopicError
from ccmusicd.publish.mqtt import Mqtt
from ccmusicd.publish.record import Record
from ccmusicd.publish.web import Web
from ccmusicd.publish.websocket import CommandError, Session
from ccmusicd.publish.wire import Wire, compact
from ccmusicd.settings import SettingsError, as_json, load, state_directory

NOW_US = 1_770_000_000_000_000


@dataclass(frozen=True, slots=True)
class Target:
    """Something that takes bytes from outside."""

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    tokens: tuple[bytes, ...]


# --- network radio ---


def icy_titles(data: bytes) -> None:
    """A block of ICY metadata, at most 4,080 bytes."""
    title = stream_title(data[:4080])
    if title is not None:
        assert len(title) <= 256
        assert "  " not in title
        assert not any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in title)


def icy_stream(data: bytes) -> None:
    """All that a server sends, over up to three connections: answers are divided by a line of ten equal signs."""
    answers = iter(data.split(b"==========\n"))
    titles: list[str] = []

    def connected(address: tuple[str, int], **_: Any) -> socket.socket:
        with contextlib.suppress(socket.gaierror):  # a name: what real look-ups refuse before they ask is refused here
            socket.getaddrinfo(*address, flags=socket.AI_NUMERICHOST)
        ours, theirs = socket.socketpair()
        servers.callback(theirs.close)
        theirs.sendall(next(answers, b"")[:60_000])
        theirs.shutdown(socket.SHUT_WR)
        return ours

    with (
        contextlib.ExitStack() as servers,
        mock.patch("socket.create_connection", connected),
        contextlib.suppress(SourceError),
    ):
        stream = HttpStream("http://127.0.0.1:1/a", open_timeout_s=5, read_timeout_s=5, on_title=titles.append)
        with contextlib.closing(stream):
            stream.peek(100)
            stream.opened()
            if stream.seekable():
                stream.seek(10)
            while stream.read(4096):
                pass
    assert all(len(title) <= 256 for title in titles)


# --- WebSocket, HTTP, MQTT ---


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
def _folder() -> Path:
    """For all that needs files; it goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="ccmusic-fuzz-")
    _kept.append(folder)
    return Path(folder.name)


_kept: list[tempfile.TemporaryDirectory[str]] = []


@cache
def _record_url() -> str:
    url = f"sqlite:///{_folder() / 'timeline.sqlite'}"
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
    viewer = _folder() / "viewer"
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


# --- files ---


def configuration(data: bytes) -> None:
    """A configuration file; what is accepted is looked at as the composition root would."""
    file = _folder() / "ccmusicd.toml"
    file.write_bytes(data)
    try:
        settings = load(file)
    except SettingsError:
        return
    as_json(settings)
    state_directory(settings)
    for station in settings.stations.values():
        with contextlib.suppress(SpecError):
            parse_spec(station.input)
    if settings.mqtt.url:
        with contextlib.suppress(TopicError):
            parse_broker(settings.mqtt.url)


def bundle_manifests(data: bytes) -> None:
    """A bundle.toml."""
    with contextlib.suppress(BundleError):
        parse_bundle(data, Path("bundle"), "bundle.toml")


class _Small(nn.Module):
    """A network of a few numbers, so that what fits it is soon found."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(2, 3)
        self.features = nn.BatchNorm1d(2)


@cache
def _small() -> nn.Module:
    return _Small()


def checkpoints(data: bytes) -> None:
    """A weight file: "s" and a .safetensors, or "p" and a .pt."""
    file = _folder() / ("weights.safetensors" if data[:1] == b"s" else "weights.pt")
    file.write_bytes(data[1:])
    with contextlib.suppress(CheckpointError):
        read = read_weight_file(file)
        with contextlib.suppress(CheckpointError):
            check(_small(), read.state)
        identify(read.state)


# --- sound ---


class _Ear(Output):
    """Keeps nothing, and hears that all of it is sound."""

    def __init__(self, null: int) -> None:
        super().__init__(pcm_fd=null, event_fd=null)

    def send(self, samples: NDArray[np.float32]) -> None:
        assert samples.dtype == np.float32
        assert np.isfinite(samples).all()
        self.samples += len(samples)


PIPE_BYTES = 65_536
"""As much as a pipe holds."""

RATES = (8_000, 22_050, 44_100, 48_000, 192_000)


def pcm_reader(data: bytes) -> None:
    """Raw PCM: its format, rate and number of channels are in the first three bytes."""
    kind, rate, channels = (*data[:3], 0, 0, 0)[:3]
    raw = RawFormat(RATES[rate % len(RATES)], channels % 8 + 1, list(SAMPLE_FORMATS)[kind % len(SAMPLE_FORMATS)])
    reading, writing = os.pipe()
    with Path(os.devnull).open("wb") as null, os.fdopen(reading, "rb"):
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data[3 : 3 + PIPE_BYTES])
        with contextlib.suppress(SourceError):
            play(reading, raw, _Ear(null.fileno()), name="it")


# --- seeds ---


def _checkpoint_seeds() -> Iterator[bytes]:
    state = {name: value.contiguous() for name, value in _small().state_dict().items()}
    yield b"s" + save(state)
    yield b"s" + save({name: value.half() if value.is_floating_point() else value for name, value in state.items()})
    scales = {"classifier.weight": torch.ones(3, 2, dtype=torch.int8), "classifier.weight::scale": torch.ones(3)}
    yield b"s" + save(scales, metadata={"ccmusic-compact": "1"})
    kinds = (torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16, torch.uint16, torch.complex64, torch.bool)
    for kind in kinds:
        yield b"s" + save({"classifier.weight": torch.zeros(3, 2).to(kind)})
    for content in (state, {"state_dict": state, "epoch": 3}, {"model": {f"module.{k}": v for k, v in state.items()}}):
        for zipped in (True, False):
            file = io.BytesIO()
            torch.save(content, file, _use_new_zipfile_serialization=zipped)
            yield b"p" + file.getvalue()


_OK = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n"
_DEFAULTS = Path(__file__).parents[2] / "config" / "default.toml"
_BUNDLE = b"""name = "b"
trained = true
ensemble_temperature = 1.5
labels = [{ slug = "jazz", en = "Jazz", zh = "J" },
  { slug = "rock", en = "Rock", zh = "R", music = true, parent = "jazz" }]
[[models]]
name = "resnet50_mel"
backbone = "resnet50"
spectrogram = "mel"
head = "linear"
profile = "seed"
file = "a/weights.pt"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
temperature = 1.0
weight = 2
validation = { top1 = 0.5 }
"""
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


@cache
def targets() -> dict[str, Target]:
    """All of them, by name."""
    return {
        "icy_titles": Target(
            icy_titles,
            (
                b"StreamTitle='a - b';StreamUrl='';\0\0",
                b"StreamTitle='it's';",
                "StreamTitle='caf\xe9';".encode("latin-1"),
            ),
            (b"StreamTitle='", b"'", b";", b" " * 500, b"StreamUrl=", b"\xff\xfe", "\u202e".encode(), b"\0"),
        ),
        "icy_stream": Target(
            icy_stream,
            (
                b"ICY 200 OK\r\nicy-metaint: 4\r\nicy-genre: Jazz\r\n\r\nabcd\x01StreamTitle='x';efgh\0ijkl",
                _OK
                + b"Content-Length: 20\r\nAccept-Ranges: bytes\r\n\r\n"
                + bytes(20)
                + b"==========\nHTTP/1.1 206 OK\r\nContent-Length: 10\r\n\r\n"
                + bytes(10),
                _OK + b"Transfer-Encoding: chunked\r\nicy-metaint: 2\r\n\r\n4\r\nab\0c\r\n3\r\nd\0e\r\n0\r\n\r\n",
                b"HTTP/1.0 302 Found\r\nLocation: http://[::1]:80/b\r\n\r\n==========\n" + _OK + b"\r\nabc",
                b"HTTP/1.0 301 Moved\r\nLocation: //user:pw@host:99/\r\n\r\n==========\nHTTP/1.1 100 Continue\r\n\r\n",
            ),
            (
                b"Location: ",
                b"http://",
                b"https://",
                b"[",
                b"]",
                b":",
                b"@",
                b"\r\n",
                b"icy-metaint: 1",
                b"99999999999999",
                b"-1",
                b"Transfer-Encoding: chunked",
                b"\r\nzz\r\n",
                b"Content-Length: ",
                b"\xff",
                b"a" * 300,
                b"302",
            ),
        ),
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
        "configuration": Target(
            configuration,
            (
                _DEFAULTS.read_bytes(),
                b'[stations.main]\ninput = "http://user:pw@host:8000/a"\n[mqtt]\nurl = "mqtts://u:p@h:1"\n',
                b'[daemon]\nlisten = "[::1]:80"\n[web]\nallowed_hosts = ["a.b"]\nroot_path = "/x"\n',
                b'[hooks.a]\nurl = "http://[::1]/"\non = ["segment"]\n[dead_air]\nafter_s = 5\n',
            ),
            (
                b"[stations.",
                b"[[",
                b"]",
                b"= ",
                b'"',
                b"'''",
                b"inf",
                b"nan",
                b"-1",
                b"1e400",
                b"9" * 5000,
                b"{",
                b"[" * 2000,
                b"true",
                b"1979-05-27T07:32:00Z",
                b'"\\u0000"',
                b'"\\ud7ff"',
                b"exec:",
                b"http://[",
                b"url",
                b"listen",
                b"input",
            ),
        ),
        "bundle_manifests": Target(
            bundle_manifests,
            (_BUNDLE, _BUNDLE.replace(b'file = "a/weights.pt"', b"seed = 1").replace(b"sha256", b"#")),
            (
                b"[[models]]",
                b"[[labels]]",
                b'"."',
                b'"/"',
                b'".."',
                b'""',
                b'" "',
                b"inf",
                b"nan",
                b"-1",
                b"0",
                b"1e400",
                b"9" * 400,
                b"9" * 5000,
                b"[" * 2000,
                b"true",
                b"file",
                b"seed",
                b"a.b.c",
                b"1979-05-27",
                b'"\\u0000"',
            ),
        ),
        "checkpoints": Target(
            checkpoints,
            tuple(_checkpoint_seeds()),
            (
                b'"F8_E4M3"',
                b'"F4"',
                b'"U64"',
                b'"I8"',
                b'"C64"',
                b'"F8_E8M0"',
                b"[0]",
                b"[]",
                b"[9999999999]",
                b"::scale",
                b"__metadata__",
                b"classifier.weight",
                b"state_dict",
                b"\x80\x02",
                b"PK",
                b"(",
                b"R",
                b"c__builtin__\neval\n",
            ),
        ),
        "pcm_reader": Target(
            pcm_reader,
            (
                bytes([5, 1, 0]) + np.array([0.5, np.nan, np.inf, 3e38, -3e38], "<f4").tobytes(),
                bytes([1, 2, 1]) + bytes(range(200)),
                bytes([3, 0, 3]) + b"RIFF" + bytes(64),
            ),
            (b"RIFF", b"\0\0\x80\x7f", b"\0\0\x80\xff", b"\xff\xff\x7f\x7f", b"\0\0\xc0\x7f", b"\xff" * 64),
        ),
    }
