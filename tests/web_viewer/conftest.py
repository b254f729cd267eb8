"""A loopback daemon that plays scripted events to the viewer, and a real Chromium that looks at it."""

import asyncio
import contextlib
import io
import json
import socket
import tempfile
import threading
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from ccmusic_stream.geometry import Spectrogram
from ccmusic_stream.labels import Label, Labels
from ccmusicd.events import (
    ClockStepEvent,
    ColumnsEvent,
    Event,
    HopEvent,
    Level,
    LevelEvent,
    ModelVote,
    SegmentEvent,
    StationsEvent,
    StatusEvent,
)
from ccmusicd.excerpts import excerpt
from ccmusicd.export.errors import ExportError
from ccmusicd.hub import About, Hub, Inbox, ModelInfo, StationInfo
from ccmusicd.past import past
from ccmusicd.publish.access import Access
from ccmusicd.publish.hops import HopCollector
from ccmusicd.publish.record import Record
from ccmusicd.publish.upload import Upload

VIEWER = Path(__file__).parents[2] / "web_viewer"
CSP = "default-src 'self'; img-src 'self' data: blob:; connect-src 'self' ws: wss:"
DEADLINE_S = 10.0
NOON_US = 1_769_860_800_000_000  # 2026-01-31T12:00:00Z
LIGHT_TOPICS = ("hop", "segment", "status", "title", "notice")

LABELS = Labels(
    [
        Label("classical", "Classical", "古典"),
        Label("jazz", "Jazz", "爵士"),
        Label("electronic", "Electronic", "电子"),
        Label("rock", "Rock", "摇滚"),
        Label("hip_hop", "Hip-hop", "说唱"),
        Label("folk", "Folk", "民谣"),
        Label("metal", "Metal", "金属"),
        Label("rnb", "R&B", "节奏布鲁斯"),
        Label("reggae", "Reggae", "雷鬼"),
        Label("world", "World", "世界音乐"),
        Label("pop", "Pop", "流行"),
        Label("ambient", "Ambient", "环境音"),
        Label("speech", "Speech", "语音", music=False),
    ]
)
MODELS = (
    ModelInfo("vgg19_bn_cqt", "vgg19_bn", "cqt"),
    ModelInfo("resnet50_mel", "resnet50", "mel"),
    ModelInfo("densenet121_cqt", "densenet121", "cqt"),
    ModelInfo("efficientnet_b0_mel", "efficientnet_b0", "mel"),
    ModelInfo("mobilenet_v3_large_cqt", "mobilenet_v3_large", "cqt"),
)
ABOUT = About(
    node="studio",
    bundle="starter",
    trained=True,
    labels=LABELS,
    models=MODELS,
    stations=(StationInfo("fm1", "FM One", "demo"), StationInfo("fm2", "FM Two", "https://radio.invalid/two")),
    hop_s=0.9985,
    device="cpu",
)
STATUS = StatusEvent(
    station="fm1",
    state="music",
    trained=True,
    source="demo",
    source_state="running",
    source_restarts=0,
    source_error=None,
    source_format={"rate": 44_100, "channels": 2, "codec": "mp3"},
    title=None,
    gap_samples=0,
    xruns=0,
    dropped_hops=0,
    hops=120,
    lag_s=0.12,
    analyzer="running",
    analyzer_restarts=0,
    device="cpu",
    hop_s=0.9985,
)


def shares(first: str, p: float) -> dict[str, float]:
    """Probabilities of all labels that sum to 1, `first` with `p` and the others falling in order."""
    others = [slug for slug in LABELS.slugs if slug != first]
    weights = [0.6**place for place in range(len(others))]
    rest = {slug: (1 - p) * weight / sum(weights) for slug, weight in zip(others, weights, strict=True)}
    return {slug: p if slug == first else rest[slug] for slug in LABELS.slugs}


def vote(first: str, p: float, ms: float = 24.0) -> ModelVote:
    """A vote with `first` before the others."""
    ranked = sorted(shares(first, p).items(), key=lambda pair: -pair[1])
    return ModelVote(top5=tuple(ranked[:5]), ms=ms)


HOP = HopEvent(
    station="fm1",
    seq=120,
    end_sample=120 * 22_016,
    time_us=NOON_US,
    state="music",
    trained=True,
    models={model.name: vote("jazz", 0.8) for model in MODELS},
    ensemble=shares("jazz", 0.8),
    rolling=shares("jazz", 0.87),
    genre="jazz",
    probability=0.87,
    since_us=NOON_US - 184_000_000,
    agreement=1.0,
    divergence=0.06,
    contenders=(),
    band="reliable",
    level=Level(-18.0, -6.0),
    hop_ms=141.0,
    lag_s=0.12,
    dropped=0,
)


def png(shade: int) -> bytes:
    """A grey picture of the networks' size, all of one shade."""
    file = io.BytesIO()
    Image.new("L", (224, 224), shade).save(file, "PNG")
    return file.getvalue()


PNG = png(100)


class ContentPolicy:
    """Puts the daemon's content security policy on every answer."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", CSP.encode())]
            await send(message)

        await self._app(scope, receive, send_with_policy)


class Analyst:
    """Answers uploads by a `script`, a part for each of `steps` (`Stage.answer` takes one), then by `fault`, if any."""

    def __init__(self) -> None:
        self.script: list[dict[str, Any]] = []
        self.fault: Exception | None = None
        self.steps = asyncio.Semaphore(0)
        self.uploads: list[tuple[str, str, int]] = []
        self.ended = 0

    async def analyse(self, file: Path, name: str, which: str) -> dict[str, Any]:
        raise NotImplementedError

    async def parts(self, file: Path, name: str, which: str, *, pictures: bool) -> AsyncGenerator[dict[str, Any]]:
        assert pictures
        self.uploads.append((name, which, file.stat().st_size))
        try:
            for part in self.script:
                await self.steps.acquire()
                yield part
            if self.fault is not None:
                raise self.fault
        finally:
            self.ended += 1


class Stage:
    """The scripted daemon: called from the test's thread, while only the server's loop touches the hub.

    It has a real record, empty at first, and it is always `now_us`. `record_works` False: the record cannot be read.
    """

    def __init__(self) -> None:
        self.hub = Hub(ABOUT)
        self.subscriptions: list[Mapping[str, Any]] = []
        self.connections = 0
        self.key: str | None = None
        self.base_hop = HOP
        self.base_status = STATUS
        self.analyst = Analyst()
        self.pictures: list[tuple[str, str]] = []
        self.picture = Response(PNG, media_type="image/png")
        self._folder = tempfile.TemporaryDirectory()
        self._record_url = f"sqlite:///{self._folder.name}/timeline.sqlite"
        self.record = Record(self._record_url)
        self.record.open()
        self.record_works = True
        self.now_us = NOON_US
        self.asked: list[str] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._clients: set[WebSocket] = set()

    def start(self) -> None:
        """Serve, on the same port as before."""
        if self._socket.fileno() == -1:
            self._socket = socket.create_server(("127.0.0.1", self.port))
        app = Starlette(
            routes=[
                WebSocketRoute("/ws", self._talk),
                Route("/api/v1/stations/{station}/picture/{model}.png", self._picture),
                Route("/api/v1/clips", Upload(self.analyst, access=Access(), most_bytes=1_000_000), methods=["POST"]),
                Route("/api/v1/{what:path}", self._past),
                Mount("/", StaticFiles(directory=VIEWER, html=True)),
            ],
            middleware=[Middleware(ContentPolicy)],
        )
        config = uvicorn.Config(app, log_level="error", ws="websockets-sansio", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]})
        self._thread.start()
        self.wait_for(lambda: self._server.started, "the loopback server to start")

    def stop(self) -> None:
        """Drop all clients and stop listening."""
        self._server.should_exit = True
        self._thread.join(DEADLINE_S)
        assert not self._thread.is_alive(), "the loopback server did not stop"
        self._socket.close()
        self._loop = None

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self.record.close()
        self._folder.cleanup()

    def written(self, *hops: HopEvent) -> None:
        """Write hops into the record."""
        collector = HopCollector("starter")
        blocks = [block for block in (collector.add(hop, 0.0) for hop in hops) if block]
        self.record.write_hops([*blocks, *collector.take()])

    def send(self, *events: Event) -> None:
        """Publish events as the daemon does; before a client has connected they only shape its snapshot."""
        for event in events:
            self._call(self.hub.publish, event)

    def slip(self, event: Event) -> None:
        """Send an event to every client, whether it subscribed to it or not."""
        for inbox in tuple(self.hub._inboxes):
            self._call(inbox.put, event)

    def hop(self, **changes: Any) -> None:
        """Publish a hop: the usual one with `changes`."""
        self.send(replace(self.base_hop, **changes))

    def status(self, **changes: Any) -> None:
        """Publish a status: the usual one with `changes`."""
        self.send(replace(self.base_status, **changes))

    def level(self, rms_dbfs: float, peak_dbfs: float, clipped: bool = False, station: str = "fm1") -> None:
        """Publish a level."""
        self.send(LevelEvent(station, Level(rms_dbfs, peak_dbfs, clipped)))

    def segment(self, **changes: Any) -> None:
        """Publish a segment: a minute of jazz with `changes`."""
        usual = SegmentEvent(
            "fm1", "new", NOON_US - 60_000_000, NOON_US, "music", "jazz", probability=0.9, trained=True
        )
        self.send(replace(usual, **changes))

    def columns(self, first: int, values: list[int], kind: Spectrogram = "cqt", station: str = "fm1") -> None:
        """Publish spectrogram columns from `first`, each with one byte value for all its bins."""
        bins = 84 if kind == "cqt" else 128
        self.send(ColumnsEvent(station, kind, bins, first, b"".join(bytes([value]) * bins for value in values)))

    def answer(self, parts: int) -> None:
        """Let the analyst give so many parts of its script."""
        for _ in range(parts):
            self._call(self.analyst.steps.release)

    def mel(self, first: int, data: bytes, station: str = "fm1") -> None:
        """Publish Mel columns from `first`, 128 bytes each, and a hop, which has the page written."""
        self.send(ColumnsEvent(station, "mel", 128, first, data), self.base_hop)

    def learn(self, **changes: Any) -> None:
        """Change what hello says, and say hello again to those who are here."""
        self._call(self.hub.learn, **changes)
        if self._loop:
            asyncio.run_coroutine_threadsafe(self._greet_again(), self._loop).result(DEADLINE_S)

    def wait_for(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until `condition` holds; fails with `what` at the deadline."""
        end = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < end, f"waited {DEADLINE_S:.0f} s for {what}"
            time.sleep(0.01)

    def _call(self, function: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        if self._loop is None:
            function(*args, **kwargs)
        else:
            self._loop.call_soon_threadsafe(lambda: function(*args, **kwargs))

    async def _greet_again(self) -> None:
        for client in self._clients:
            await client.send_json(self.hub.about.to_wire())

    async def _past(self, request: Request) -> Response:
        """The two answers of the record, in a thread as in the daemon."""
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            return Response(status_code=401)
        self.asked.append(f"{request.path_params['what']}?{request.url.query}")
        if not self.record_works:
            return Response(status_code=503)
        asked, names = dict(request.query_params), {station.id: station.name for station in ABOUT.stations}
        try:
            return await asyncio.to_thread(self._read, request.path_params["what"] == "rolling", asked, names)
        except ExportError as error:
            return Response(str(error), status_code=400)

    def _read(self, rolling: bool, asked: dict[str, str], names: dict[str, str]) -> Response:
        opening = (
            past(self._record_url, asked, names=names, now_us=self.now_us, unwritten=[])
            if rolling
            else excerpt(self._record_url, asked, names=names, now_us=self.now_us)
        )
        with opening as found:
            return Response("".join(found.lines), media_type=found.media_type)

    async def _picture(self, request: Request) -> Response:
        if self.key is not None and request.headers.get("authorization") != f"Bearer {self.key}":
            return Response(status_code=401)
        self.pictures.append((request.path_params["station"], request.path_params["model"]))
        return self.picture

    async def _talk(self, client: WebSocket) -> None:
        self._loop = asyncio.get_running_loop()
        await client.accept()
        if self.key is not None and json.loads(await client.receive_text()) != {"type": "token", "token": self.key}:
            await client.close(4401)
            return
        await client.send_json(self.hub.about.to_wire())
        await client.send_json(self.hub.snapshot())
        self._clients.add(client)
        self.connections += 1
        inbox = self.hub.subscribe(LIGHT_TOPICS, capacity=256)
        writer = asyncio.create_task(self._write(client, inbox))
        try:
            while True:
                asked = json.loads(await client.receive_text())
                if asked["type"] == "token":
                    continue
                inbox.topics = frozenset(asked["topics"])
                inbox.stations = None if asked["stations"] is None else frozenset(asked["stations"])
                self.subscriptions.append(asked)
        except WebSocketDisconnect:
            pass
        finally:
            self._clients.discard(client)
            self.hub.unsubscribe(inbox)
            writer.cancel()

    async def _write(self, client: WebSocket, inbox: Inbox) -> None:
        places = [station.id for station in self.hub.about.stations]
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the client has left
            while True:
                event = await inbox.get()
                if isinstance(event, ColumnsEvent):
                    await client.send_bytes(event.to_bytes(places.index(event.station)))
                elif not isinstance(event, StationsEvent | ClockStepEvent):
                    await client.send_json(event.to_wire())


class Visitor:
    """A page of the viewer, and everything it must not do: console errors, violated policy, requests elsewhere."""

    def __init__(self, page: Page, stage: Stage) -> None:
        self.page = page
        self.stage = stage
        self.complaints: list[str] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self._check_host(request.url))
        page.on("websocket", lambda socket: self._check_host(socket.url))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(message.text)

    def open(self, fragment: str = "") -> Page:
        """Open the viewer, and wait until the daemon has its subscription."""
        before = len(self.stage.subscriptions)
        self.page.goto(self.stage.url + fragment)
        self.stage.wait_for(lambda: len(self.stage.subscriptions) > before, "the viewer's subscription")
        return self.page

    def _check_host(self, url: str) -> None:
        if not url.split("://", 1)[1].startswith(f"127.0.0.1:{self.stage.port}/"):
            self.complaints.append(f"request to another host: {url}")


@pytest.fixture
def stage() -> Iterator[Stage]:
    stage = Stage()
    stage.start()
    yield stage
    stage.close()


@pytest.fixture(scope="module")
def viewer_url() -> Iterator[str]:
    stage = Stage()
    stage.start()
    yield stage.url
    stage.close()


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context(locale="en-GB", timezone_id="Europe/Berlin", viewport={"width": 1280, "height": 900})
    context.set_default_timeout(DEADLINE_S * 1000)
    yield context
    context.close()


@pytest.fixture
def visitor(context: BrowserContext, stage: Stage) -> Iterator[Visitor]:
    visitor = Visitor(context.new_page(), stage)
    yield visitor
    visitor.page.close()
    assert visitor.complaints == []
