"""Where drills take place: a real daemon between real parts, and two subscribers who write down all that they are told.

A sound card (PulseAudio through PortAudio) and a stream (Icecast, fed by ffmpeg) go in; a viewer on the WebSocket and a
subscriber of Mosquitto listen. The stand is the supervisor, too: it starts the daemon, hears its watchdog, and waits as
systemd would before it starts another.
"""

import contextlib
import datetime as dt
import json
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ccmusicd.capture.options import ORDER
from tests.parts import Broker, Icecast, Pulse
from tests.running import Daemon, children

RATE = 22_050
RESTART_S = 2.0
WATCHDOG_S = 6.0
CARD, STREAM = "card", "stream"
NODE = "drill"

CONFIG = """
[daemon]
node = "{node}"
[mqtt]
url = "{mqtt}"
# Some genre is always shown: what is shown although there is no signal is to be seen.
[decision]
enter = 0.05
leave = 0.01
margin = 0.0
hold_s = 1.0
# The disk is a small one.
[timeline]
disk_reserve_megabytes = 0
[stations.{card}]
input = "soundcard:studio"
[stations.{stream}]
input = "{stream_url}"
"""


class DrillError(Exception):
    """A drill cannot go on: what did not happen, and in which time."""


def wait_until(condition: Callable[[], Any], timeout_s: float = 60.0, what: str = "it") -> Any:
    """What `condition` gives once it is true.

    Raises:
        DrillError: it did not come true in time.
    """
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        if time.monotonic() > deadline:
            raise DrillError(f"{what} did not come true within {timeout_s:g} s")
        time.sleep(0.02)
    return found


@dataclass(frozen=True, slots=True)
class Told:
    """One message as a subscriber got it: when (monotonic seconds), on which topic or of which type, and what."""

    at: float
    topic: str
    content: Any


class Viewer:
    """A WebSocket client that comes back whenever the daemon is there; its end is told as the topic `closed`."""

    def __init__(self, url: str) -> None:
        self.told: list[Told] = []
        self._url = url
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._stay, daemon=True)
        self._thread.start()

    def _stay(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(OSError, TimeoutError):
                self._listen()
            time.sleep(0.1)

    def _listen(self) -> None:
        with connect(self._url, proxy=None, open_timeout=3) as client:
            try:
                while not self._over.is_set():
                    with contextlib.suppress(TimeoutError):
                        message = json.loads(client.recv(timeout=0.5))
                        self.told.append(Told(time.monotonic(), message["type"], message))
            except ConnectionClosed as closed:
                code = closed.rcvd.code if closed.rcvd is not None else None
                self.told.append(Told(time.monotonic(), "closed", code))

    def stop(self) -> None:
        """Leave."""
        self._over.set()
        self._thread.join()


class Subscriber:
    """An MQTT client below `ccmusic/NODE/` that comes back whenever the broker is there."""

    def __init__(self, port: int) -> None:
        self.told: list[Told] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_connect = lambda client, *_: client.subscribe(f"ccmusic/{NODE}/#")
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def _hear(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        topic = message.topic.removeprefix(f"ccmusic/{NODE}/")
        self.told.append(Told(time.monotonic(), topic, message.payload.decode()))

    def stop(self) -> None:
        """Leave."""
        self._client.loop_stop()
        self._client.disconnect()


class Supervisor:
    """What systemd would hear of the daemon: when it last said that it lives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fed_at = 0.0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while data := self._socket.recv(4096):
            if b"WATCHDOG=1" in data.splitlines():
                self.fed_at = time.monotonic()

    def stop(self) -> None:
        """Hear no more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.path))
        self._thread.join()
        self._socket.close()


class Stand:
    """The daemon and everything around it; `folder` is short and may be entered by other users."""

    def __init__(self, folder: Path, arguments: list[str]) -> None:
        self._folder = folder
        self._arguments = arguments
        self.state = folder / "state"
        self.state.mkdir()
        self.small_disk = self._mount()
        for name in ("icecast", "pulse", "mosquitto"):
            (folder / name).mkdir(mode=0o755)
        ffmpeg = program("ffmpeg")
        self.icecast = Icecast(program("icecast2"), ffmpeg, free_port(), folder / "icecast", wait_until)
        self.pulse = Pulse(program("pulseaudio"), ffmpeg, folder / "pulse", wait_until)
        self.broker = Broker(program("mosquitto"), folder / "mosquitto", free_port(), wait_until)
        self.feeder = self.icecast.feed(STREAM)
        self.pulse.start()
        self.pulse.feed(440)
        self.broker.start()
        self.supervisor = Supervisor(folder / "notify")
        self._port = free_port()
        self._config = folder / "config.toml"
        url = self.icecast.url(STREAM)
        self._config.write_text(
            CONFIG.format(node=NODE, mqtt=self.broker.url, card=CARD, stream=STREAM, stream_url=url)
        )
        self.lives = 0
        self.daemon = self.start()
        self.viewer = Viewer(f"ws://127.0.0.1:{self._port}/ws")
        self.subscriber = Subscriber(self.broker.port)

    def _mount(self) -> bool:
        """Whether the state stands on a small tmpfs, which only root may mount."""
        mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(self.state)]
        return subprocess.run(mount, capture_output=True, check=False).returncode == 0

    def start(self) -> Daemon:
        """Start a daemon where the last one was."""
        self.lives += 1
        arguments = ["--config", str(self._config), "--listen", f"127.0.0.1:{self._port}", "--state", str(self.state)]
        environment = {"NOTIFY_SOCKET": str(self.supervisor.path), "WATCHDOG_USEC": str(round(WATCHDOG_S * 1e6))}
        self.daemon = Daemon([*arguments, *self._arguments], os.environ | self.pulse.environment | environment)
        return self.daemon

    def restart(self) -> None:
        """What systemd does after a death: wait, and start another."""
        dead = self.daemon
        time.sleep(RESTART_S)
        self.start()
        dead.stop()  # which waits for the last words of its children

    def settle(self) -> None:
        """Wait until both stations show a genre, the broker knows the daemon, and the record is written."""

        def settled() -> bool:
            now = self.daemon.get("/api/v1/now") or {"stations": {}}
            hops = [station["hop"] for station in now["stations"].values()]
            parts = self.daemon.get("/healthz") or {}
            heard = len(hops) == 2 and all(hop is not None and hop["genre"] is not None for hop in hops)
            return heard and parts.get("timeline") == "ok" and parts.get("mqtt") == "online"

        wait_until(settled, 400, "a genre of both stations")
        time.sleep(2.5)  # a status of each, and a commit of the record

    def capture(self, station: str) -> int:
        """The process that listens for a station; its order is in its environment."""
        mark = b'"soundcard"' if station == CARD else b'"media"'
        found = children(self.daemon.process.pid, "capture.child")
        return next(pid for pid in found if mark in _order(Path(f"/proc/{pid}/environ").read_bytes()))

    def analyzer(self) -> int:
        """The process with the networks; the first of its kind is the server that it was forked from."""
        return max(children(self.daemon.process.pid, "forkserver"))

    def status(self, station: str) -> dict[str, Any]:
        """The newest status of a station, as the viewer got it."""
        return next(
            told.content
            for told in reversed(self.viewer.told)
            if told.topic == "status" and told.content["station"] == station
        )

    def metric(self, name: str) -> float:
        """A number of `/metrics`, by its name with its labels; 0.0 where it is not told."""
        with urllib.request.urlopen(f"{self.daemon.address}/metrics", timeout=5) as answer:  # noqa: S310 - the loopback's
            lines = answer.read().decode().splitlines()
        return next((float(line.rpartition(" ")[2]) for line in lines if line.startswith(name)), 0.0)

    def rows(self) -> list[tuple[str, int, int, str]]:
        """The segments that are committed: station, start, end (UTC microseconds), kind."""
        with contextlib.closing(sqlite3.connect(f"file:{self.state}/timeline.sqlite?mode=ro", uri=True)) as record:
            record.execute("PRAGMA busy_timeout = 5000")
            return list(
                record.execute("SELECT station, start_us, end_us, kind FROM segments ORDER BY station, start_us")
            )

    def stop(self) -> None:
        """End everything."""
        self.viewer.stop()
        self.subscriber.stop()
        self.daemon.process.send_signal(signal.SIGCONT)
        self.daemon.stop()
        for part in (self.icecast, self.pulse, self.supervisor):
            part.stop()
        self.broker.kill()
        if self.small_disk:
            subprocess.run(["umount", "--lazy", str(self.state)], check=True)


@contextlib.contextmanager
def standing(folder: Path, arguments: list[str]) -> Iterator[Stand]:
    """A stand, ended whatever happens."""
    folder.chmod(0o755)
    stand = Stand(folder, arguments)
    try:
        yield stand
    finally:
        stand.stop()


def _order(environment: bytes) -> bytes:
    return next((entry for entry in environment.split(b"\0") if entry.startswith(ORDER.encode())), b"")


def program(name: str) -> str:
    """The path of an installed program.

    Raises:
        DrillError: it is not installed.
    """
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise DrillError(f"{name} is not installed; make test names the packages")
    return path


def free_port() -> int:
    """A TCP port of the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wall_s(iso: str) -> float:
    """Seconds since 1970 of a time on the wire."""
    return dt.datetime.fromisoformat(iso).timestamp()
