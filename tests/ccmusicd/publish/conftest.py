"""Events by small factories, a hub of two stations, an MQTT publisher and its subscribers."""

import asyncio
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from ccmusic_stream.labels import Label, Labels
from ccmusicd.events import (
    ColumnsEvent,
    HopEvent,
    Level,
    LevelEvent,
    ModelVote,
    SegmentEvent,
    StatusEvent,
    TitleEvent,
)
from ccmusicd.hub import About, Hub, ModelInfo, StationInfo
from ccmusicd.publish import mqtt
from ccmusicd.publish.mqtt import Mqtt

NOON_US = 1_769_860_800_000_000  # 2026-01-31T12:00:00Z
SECOND_US = 1_000_000

Eventually = Callable[..., Awaitable[None]]


@pytest.fixture
def about() -> About:
    labels = Labels(
        [Label("classical", "Classical", "古典"), Label("rock", "Rock", "摇滚"), Label("jazz", "Jazz", "爵士")]
    )
    models = (ModelInfo("vgg19_bn_cqt", "vgg19_bn", "cqt"), ModelInfo("resnet50_mel", "resnet50", "mel"))
    stations = (StationInfo("main", "Main studio", "soundcard"), StationInfo("web", "Web stream", "https://***@host/s"))
    return About("desk", "starter", trained=True, labels=labels, models=models, stations=stations, hop_s=1.0)


@pytest.fixture
def hub(about: About) -> Hub:
    return Hub(about)


@pytest.fixture
def make_hop() -> Callable[..., HopEvent]:
    def make(
        station: str = "main", seq: int = 1, genre: str | None = "rock", p: float = 0.8, **fields: Any
    ) -> HopEvent:
        rolling = {"classical": (1 - p) / 2, "rock": p, "jazz": (1 - p) / 2}
        plain: dict[str, Any] = {
            "station": station,
            "seq": seq,
            "end_sample": 22_016 * seq,
            "time_us": NOON_US + seq * SECOND_US,
            "state": "music",
            "trained": True,
            "models": {
                "vgg19_bn_cqt": ModelVote((("rock", p), ("jazz", 1 - p)), 7.5),
                "resnet50_mel": ModelVote((), 0.0, "gave NaN"),
            },
            "ensemble": rolling,
            "rolling": rolling,
            "genre": genre,
            "probability": p if genre else None,
            "since_us": NOON_US,
            "agreement": 1.0,
            "divergence": 0.01,
            "contenders": (),
            "band": "check",
            "level": Level(-18.0, -3.0),
            "hop_ms": 40.0,
            "lag_s": 0.2,
            "dropped": 0,
        }
        return HopEvent(**{**plain, **fields})

    return make


@pytest.fixture
def make_status() -> Callable[..., StatusEvent]:
    def make(station: str = "main", state: str = "music", title: str | None = None, **fields: Any) -> StatusEvent:
        plain: dict[str, Any] = {
            "station": station,
            "state": state,
            "trained": True,
            "source": "soundcard",
            "source_state": "running",
            "source_restarts": 0,
            "source_error": None,
            "source_format": {"rate": 48_000, "channels": 2},
            "title": title,
            "gap_samples": 0,
            "xruns": 0,
            "dropped_hops": 0,
            "hops": 1,
            "lag_s": 0.2,
            "analyzer": "running",
            "analyzer_restarts": 0,
            "device": "cpu",
            "hop_s": 1.0,
        }
        return StatusEvent(**{**plain, **fields})

    return make


@pytest.fixture
def make_segment() -> Callable[..., SegmentEvent]:
    def make(
        change: str = "new", start_s: float = 0, end_s: float = 1, station: str = "main", **fields: Any
    ) -> SegmentEvent:
        plain: dict[str, Any] = {
            "station": station,
            "change": change,
            "start_us": NOON_US + round(start_s * SECOND_US),
            "end_us": NOON_US + round(end_s * SECOND_US),
            "kind": "music",
            "genre": "rock",
            "probability": 0.8,
            "probability_min": 0.6,
            "agreement": 1.0,
            "divergence": 0.01,
            "trained": True,
        }
        return SegmentEvent(**{**plain, **fields})

    return make


@pytest.fixture
def make_title() -> Callable[..., TitleEvent]:
    def make(title: str = "A song", at_s: float = 0, station: str = "main") -> TitleEvent:
        return TitleEvent(station, NOON_US + round(at_s * SECOND_US), title)

    return make


@pytest.fixture
def make_level() -> Callable[..., LevelEvent]:
    def make(station: str = "main", rms_dbfs: float = -20.0) -> LevelEvent:
        return LevelEvent(station, Level(rms_dbfs, rms_dbfs + 6))

    return make


@pytest.fixture
def make_columns() -> Callable[..., ColumnsEvent]:
    def make(station: str = "main", first_column: int = 0, columns: int = 43) -> ColumnsEvent:
        return ColumnsEvent(station, "cqt", 84, first_column, bytes(84 * columns))

    return make


@pytest.fixture
def eventually() -> Eventually:
    """Wait until a condition holds; fail at the deadline."""

    async def wait(condition: Callable[[], object], within_s: float = 15.0) -> None:
        deadline = time.monotonic() + within_s
        while not condition():
            if time.monotonic() > deadline:
                pytest.fail(f"not within {within_s} s")
            await asyncio.sleep(0.01)

    return wait


class Ear:
    """What a subscriber hears: every message in order, and the newest of each topic."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, bool]] = []
        self.newest: dict[str, str] = {}

    async def listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            topic = str(message.topic).removeprefix("ccmusic/desk/")
            payload = bytes(message.payload).decode()
            self.heard.append((topic, payload, message.retain))
            self.newest[topic] = payload

    def all(self, topic: str) -> list[str]:
        return [payload for heard, payload, _ in self.heard if heard == topic]


@pytest.fixture
def listening(broker: Any) -> Callable[..., AbstractAsyncContextManager[Ear]]:
    """Subscribers to everything of ours, or to `topics`."""

    @asynccontextmanager
    async def connected(*topics: str, **options: Any) -> AsyncIterator[Ear]:
        ear = Ear()
        async with aiomqtt.Client("127.0.0.1", broker.port, **options) as client:
            await client.subscribe([(topic, 0) for topic in topics or ("ccmusic/#",)])
            task = asyncio.create_task(ear.listen(client))
            try:
                yield ear
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)

    return connected


@pytest.fixture
def publishing(
    hub: Hub, broker: Any, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., AbstractAsyncContextManager[Mqtt]]:
    """Publishers that try again quickly, cancelled at the end; they tell of `hub` unless told of another."""

    monkeypatch.setattr(mqtt, "_FIRST_DELAY_S", 0.05)
    monkeypatch.setattr(mqtt, "_LONGEST_DELAY_S", 0.2)

    @asynccontextmanager
    async def running(of: Hub | None = None, **options: Any) -> AsyncIterator[Mqtt]:
        publisher = Mqtt(of or hub, **{"url": broker.url, "node": "desk", **options})
        task = asyncio.create_task(publisher.run())
        try:
            yield publisher
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    return running


CA_CONFIG = """
[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
[any]
commonName = supplied
[loopback]
subjectAltName = IP:127.0.0.1
"""


@pytest.fixture
def certificate(real_part: Callable[[str], str], tmp_path: Path) -> Callable[..., tuple[Path, tuple[str, ...]]]:
    """Makes a self-signed certificate for 127.0.0.1 (`until`: YYYYMMDD), and Mosquitto's lines for it."""

    def make(*, until: str, folder: Path = tmp_path) -> tuple[Path, tuple[str, ...]]:
        folder.mkdir(exist_ok=True)
        (folder / "ca.cnf").write_text(CA_CONFIG)
        (folder / "index.txt").touch()
        (folder / "serial").write_text("01")
        request = "req -new -newkey rsa:2048 -nodes -keyout key.pem -out request.pem -subj /CN=127.0.0.1"
        files = "-keyfile key.pem -in request.pem -out certificate.pem"
        dates = f"-startdate 20200101000000Z -enddate {until}000000Z"
        sign = f"ca -config ca.cnf -selfsign {files} {dates} -extensions loopback -batch -notext"
        for line in (request, sign):
            subprocess.run([real_part("openssl"), *line.split()], cwd=folder, check=True, capture_output=True)
        made = folder / "certificate.pem"
        return made, (f"certfile {made}", f"keyfile {folder / 'key.pem'}")

    return make


@pytest.fixture(params=["sqlite", "postgresql"])
def record_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty record, on each of the databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'timeline.db'}"
    return str(request.getfixturevalue("postgres_url"))
