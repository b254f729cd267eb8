"""A new configuration by SIGHUP: what changed is applied, and what stays misses nothing."""

import contextlib
import itertools
import json
import signal
import socket
import sqlite3
import ssl
import subprocess
import threading
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlsplit

import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ccmusic_stream.errors import CcmusicError
from ccmusicd import settings as configuration
from ccmusicd.fleet import FleetChange
from ccmusicd.reload import Reload, applicable, changed_keys, described
from ccmusicd.settings import Settings

RATE = 22_050
HOP = 86 * 512

Start = Callable[..., Any]
Wait = Callable[..., None]
Music = Callable[..., NDArray[np.float32]]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """Settings of a text."""
    monkeypatch.setattr(configuration, "SYSTEM_FILE", tmp_path / "none")

    def loaded(text: str) -> Settings:
        file = tmp_path / "config.toml"
        file.write_text(text)
        return configuration.load(file)

    return loaded


async def test_a_fault_in_the_reading_is_a_refusal_and_nothing_is_applied(
    load: Callable[[str], Settings], caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Settings:
        raise RuntimeError("a fault of ours")

    untouched: Any = mock.NonCallableMock(spec_set=[])
    parts = ("fleet", "maker", "watching", "timeline", "web", "access", "switch_mqtt")
    reload = Reload(load(""), load=broken, real_time=True, **dict.fromkeys(parts, untouched))
    with pytest.raises(CcmusicError, match="RuntimeError: a fault of ours"):
        await reload.now()
    assert "a fault in the reading" in caplog.text


def test_what_only_a_restart_can_change_is_named_by_its_key_and_stays(load: Callable[[str], Settings]) -> None:
    old = load('[daemon]\nlog_level = "info"\n[stations.a]\ninput = "demo"\n')
    new = load(
        '[daemon]\nlisten = "127.0.0.1:9"\nstate_dir = "/x"\nlog_level = "debug"\n[analyzer]\nmodels = "fast"\n'
        '[timeline]\nurl = "sqlite:////y"\nkeep_days = 3\n[web]\nroot_path = "/radio"\nmax_clients = 3\n'
        "[silence]\nafter_s = 9\n"
    )
    settings, waiting = applicable(old, new)
    assert waiting == ["analyzer.models", "daemon.listen", "daemon.state_dir", "timeline.url", "web.root_path"]
    assert (settings.daemon.listen, settings.daemon.log_level) == (old.daemon.listen, "debug")
    assert (settings.timeline.url, settings.timeline.keep_days) == ("", 3)
    assert (settings.web.root_path, settings.web.max_clients) == ("", 3)
    assert (settings.analyzer, settings.clips, settings.stations) == (old.analyzer, old.clips, {})
    changed = {"daemon.log_level", "silence.after_s", "stations.a", "timeline.keep_days", "web.max_clients"}
    assert set(changed_keys(old, settings)) == changed
    assert applicable(old, old) == (old, [])


def test_what_was_applied_is_told_without_values(load: Callable[[str], Settings]) -> None:
    old = load('[mqtt]\nurl = "mqtt://u:secret@host"\n[hooks.a]\non = ["segment"]\nurl = "http://x/secret"\n')
    new = load('[mqtt]\nurl = "mqtt://u:other@host"\n[daemon]\nlisten = "127.0.0.1:9"\n')
    line = described(FleetChange(added=("two",), retuned=("one", "four")), changed_keys(old, new))
    assert line == "added two; retuned one, four; changed mqtt.url, hooks.a"


class Supervisor:
    """Hears what the daemon tells by sd_notify, a message an entry."""

    def __init__(self, path: Path) -> None:
        self.heard: list[str] = []
        self.address = str(path)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(self.address)
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        while message := self._socket.recv(65_536).decode():
            self.heard.append(message)

    def close(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.address)
        self._thread.join()
        self._socket.close()


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path / "notify")
    yield supervisor
    supervisor.close()


class Listener:
    """A WebSocket client that keeps what it hears."""

    def __init__(self, address: str, *commands: Any) -> None:
        self.heard: list[dict[str, Any]] = []
        self._stack = contextlib.ExitStack()
        self._client = self._stack.enter_context(connect(address.replace("http", "ws") + "/ws", proxy=None))
        for command in commands:
            self._client.send(json.dumps(command))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            for text in self._client:
                self.heard.append(json.loads(text))

    def all(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in list(self.heard) if message["type"] == kind]

    def close(self) -> None:
        self._stack.close()


def tape(folder: Path, name: str, samples: NDArray[np.float32]) -> str:
    path = folder / f"{name}.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
    return json.dumps(str(path))


def segments(state: Path, station: str) -> list[tuple[int, int, str, int]]:
    with sqlite3.connect(state / "timeline.sqlite") as record:
        found = record.execute(
            "SELECT start_us, end_us, kind, open FROM segments WHERE station = ? ORDER BY start_us", (station,)
        )
        return list(found.fetchall())


# Seen to fail without: the refusal of a bad file as a line of the log, in app.App._obey_hangups.
def test_stations_come_go_and_change_and_the_one_that_stays_misses_no_hop(  # noqa: PLR0915 - a daemon is dear to start
    daemon: Start, wait_until: Wait, make_music: Music, tmp_path: Path, supervisor: Supervisor
) -> None:
    first, second = (
        tape(tmp_path, name, np.tile(make_music(30, seed), 20)) for seed, name in enumerate(("first", "second"))
    )
    config = tmp_path / "config.toml"
    always = f"[analyzer]\nhop = 2\n[stations.steady]\ninput = {first}\n"
    config.write_text(f"{always}[stations.old]\ninput = {first}\n[stations.moved]\ninput = {first}\n")
    running = daemon("--config", str(config), NOTIFY_SOCKET=supervisor.address)

    def hang_up(text: str, told: str) -> None:
        before = len(running.err)
        config.write_text(text)
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: any(told in line for line in running.err[before:]), 30, told)

    wait_until(running.ready, 240, "readiness")
    everything = Listener(running.address)
    of_old = Listener(running.address, {"type": "subscribe", "stations": ["old"], "topics": ["status"]})

    def hops(station: str) -> list[dict[str, Any]]:
        return [hop for hop in everything.all("hop") if hop["station"] == station]

    wait_until(lambda: all(len(hops(key)) > 1 for key in ("steady", "old", "moved")), 60, "hops of all")

    # A bad file: one line, and everything goes on.
    hang_up("[daemon\n", "the old kept")
    hang_up('[silence]\nafter_s = -1\n[mqtt]\nurl = "nothing"\nroot = "#"\n', "the old kept")
    (refusal,) = [line for line in running.err if "silence.after_s" in line]
    assert "line 2" in refusal
    assert "; " in refusal
    assert list(running.get("/api/v1/now")["stations"]) == ["steady", "old", "moved"]

    # A good one.
    moved_hops = hops("moved")[-1]["seq"]
    hang_up(
        f'{always}[stations.moved]\ninput = {second}\nname = "Moved"\n[stations.new]\ninput = {second}\n'
        '[silence]\nthreshold_dbfs = -3\nafter_s = 1\n[daemon]\nnode = "other"\n',
        "configuration read again",
    )
    at_reload = hops("steady")[-1]["seq"]
    assert "added new; removed old; retuned moved; changed steady" in "".join(running.err)
    assert any("daemon.node was changed" in line for line in running.err)
    assert not any("daemon.node" in line for line in running.err if "read again" in line)
    (gone,) = of_old.all("gone")
    assert gone == {"type": "gone", "station": "old"}
    wait_until(lambda: len(of_old.all("snapshot")) == 2, 10, "the new snapshot")
    assert [station["id"] for station in of_old.all("hello")[-1]["stations"]] == ["steady", "moved", "new"]
    names = {row["id"]: row["name"] for row in running.get("/api/v1/stations")["stations"]}
    assert names == {"steady": "steady", "moved": "Moved", "new": "new"}
    wait_until(lambda: len(hops("new")) > 1 and hops("moved")[-1]["seq"] > moved_hops + 1, 90, "hops of new sound")
    wait_until(lambda: hops("steady")[-1]["seq"] > at_reload + 1, 30, "hops of the old sound")
    now = running.get("/api/v1/now")["stations"]

    # By its samples: each hop of the station that stayed begins where the one before it ended.
    ends = [hop["end_sample"] for hop in hops("steady")]
    assert {later - earlier for earlier, later in itertools.pairwise(ends)} == {HOP}
    assert now["steady"]["status"]["dropped_hops"] == 0
    assert now["steady"]["status"]["gap_samples"] == 0
    assert now["steady"]["status"]["source"]["restarts"] == 0
    assert now["steady"]["status"]["analyzer"]["restarts"] == 0
    # It is judged by the new threshold: its music is softer than that.
    wait_until(lambda: running.get("/api/v1/now")["stations"]["steady"]["status"]["state"] == "silence", 20, "silence")

    everything.close()
    of_old.close()
    assert running.terminate() == 0
    told = [message for message in supervisor.heard if not message.startswith(("STATUS", "WATCHDOG"))]
    assert told[0] == "READY=1"
    assert [message.partition("\n")[0] for message in told[1:-1]] == ["RELOADING=1", "READY=1"] * 3
    assert all("MONOTONIC_USEC=" in message for message in told if message.startswith("RELOADING"))
    for station in ("old", "moved", "new", "steady"):
        found = segments(tmp_path / "state", station)
        assert all(not is_open for *_, is_open in found)
        for (_, end, *_), (start, *_) in itertools.pairwise(found):
            assert end == start
        assert "down" not in {kind for _, _, kind, _ in found}
    assert segments(tmp_path / "state", "old")[-1][1] < segments(tmp_path / "state", "steady")[-1][1]
    assert not any("Traceback" in line for line in running.err), running.err


def shown_at(address: str) -> str:
    """The certificate, as PEM, that new connections to a server see."""
    parts = urlsplit(address)
    assert parts.hostname
    assert parts.port
    return ssl.get_server_certificate((parts.hostname, parts.port), timeout=5)


# Seen to fail without: `load_certificate` in `Web.change`, and without `_switch_mqtt` in `Reload.now`.
def test_certificate_and_broker_change_in_a_daemon_that_runs(
    daemon: Start, wait_until: Wait, broker: Any, subscribe: Callable[[int], Any], real_part: Any, tmp_path: Path
) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"

    def renew() -> str:
        line = f"req -x509 -newkey rsa:2048 -nodes -keyout {key} -out {certificate} -days 3650 -subj /CN=localhost"
        subprocess.run([real_part("openssl"), *line.split()], check=True, capture_output=True)
        return certificate.read_text()

    first = renew()
    config = tmp_path / "config.toml"
    always = f'[daemon]\nnode = "desk"\n[web]\ntls_certificate = "{certificate}"\ntls_key = "{key}"\n'
    config.write_text(always)
    running = daemon("--config", str(config))

    def hang_up(text: str, told: str) -> None:
        before = len(running.err)
        config.write_text(text)
        running.process.send_signal(signal.SIGHUP)
        wait_until(lambda: any(told in line for line in running.err[before:]), 30, told)

    wait_until(lambda: running.address, 60, "the address")
    assert shown_at(running.address) == first
    second = renew()
    assert shown_at(running.address) == first
    hang_up(always, "nothing to apply is different")
    assert shown_at(running.address) == second
    certificate.write_text("no certificate")
    hang_up(always, "the old kept")
    assert shown_at(running.address) == second
    certificate.write_text(second)

    broker.start()
    ear = subscribe(broker.port)
    with_broker = f'{always}[mqtt]\nurl = "mqtt://127.0.0.1:{broker.port}"\n'
    hang_up(with_broker, "changed mqtt.url")
    wait_until(lambda: ear.last().get("status") == "online", 30, "online")
    hang_up(with_broker.replace("[mqtt]", '[mqtt]\nroot = "ccmusic/below"'), "the old kept")
    assert ear.last()["status"] == "online"
    hang_up(always, "changed mqtt.url")
    wait_until(lambda: ear.last().get("status") == "offline", 30, "offline")
    assert ear.last()["demo/status"] == "offline"
    hang_up(with_broker, "changed mqtt.url")
    wait_until(lambda: ear.last().get("status") == "online", 30, "online again")
    assert running.terminate() == 0
    wait_until(lambda: ear.last().get("status") == "offline", 10, "the last word")
    assert not any("Traceback" in line for line in running.err), running.err
