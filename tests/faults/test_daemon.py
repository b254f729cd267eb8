"""Rows 1, 2, 18 and 25: the whole daemon killed, frozen, without a broker at boot, and told to stop."""

import itertools
import json
import os
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

Start = Callable[..., Any]
Wait = Callable[..., None]
KEEPALIVE_S = 5


def rows(state: Path) -> list[tuple[str, int, int]]:
    """What the record holds, if there is one yet."""
    file = state / "timeline.sqlite"
    if not file.exists():
        return []
    with closing(sqlite3.connect(file)) as record:
        assert record.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return list(record.execute("SELECT kind, start_us, end_us FROM segments ORDER BY start_us"))


# Seen to fail without: the "down" that fills the time since the kill.
def test_row_01_daemon_killed(daemon: Start, wait_until: Wait, tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = daemon()
    wait_until(lambda: first.address and rows(state), 30, "the first row")
    wait_until(lambda: rows(state)[0][2] > rows(state)[0][1], 30, "a growing segment")
    first.process.kill()
    first.wait()
    before = rows(state)
    second = daemon()
    wait_until(lambda: len(rows(state)) >= 3, 30, "the next segment")
    assert second.terminate() == 0
    found = rows(state)
    assert [kind for kind, _, _ in found][:3] == ["uncertain", "down", "uncertain"]
    assert found[0] == before[0]
    assert all(one[2] == next_[1] for one, next_ in itertools.pairwise(found))


@contextmanager
def supervisor(path: Path) -> Iterator[list[tuple[float, str]]]:
    """A socket like systemd's, and what it is told, with the time at which it was."""
    heard: list[tuple[float, str]] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))

        def listen() -> None:
            while data := listening.recv(4096):
                heard.extend((time.monotonic(), line) for line in data.decode().splitlines())

        thread = threading.Thread(target=listen, daemon=True)
        thread.start()
        yield heard
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(path))
        thread.join(5)


# Seen to fail without: the last will.
def test_row_02_daemon_frozen(
    daemon: Start, wait_until: Wait, broker: Any, subscribe: Callable[[int], Any], tmp_path: Path
) -> None:
    broker.start()
    told = subscribe(broker.port)
    config = tmp_path / "config.toml"
    config.write_text(f'[daemon]\nnode = "desk"\n[mqtt]\nurl = "{broker.url}"\nkeepalive_s = {KEEPALIVE_S}\n')
    with supervisor(tmp_path / "notify") as heard:
        running = daemon("--config", str(config), NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="1500000")
        wait_until(lambda: told.last().get("status") == "online", 30, "the daemon on MQTT")
        wait_until(lambda: sum(line == "WATCHDOG=1" for _, line in heard) >= 2, 20, "the watchdog")
        running.process.send_signal(signal.SIGSTOP)
        frozen = time.monotonic()
        wait_until(lambda: told.last()["status"] == "offline", 2.5 * KEEPALIVE_S, "the last will")
        assert not [line for at, line in heard if at > frozen + 3.0]
        running.process.send_signal(signal.SIGABRT)  # what systemd sends when its watchdog has had enough
        running.process.kill()
        assert running.wait(10) != 0


# Seen to fail without: the handler of SIGTERM.
def test_row_18_no_broker_at_boot_and_row_25_sigterm(
    daemon: Start, wait_until: Wait, broker: Any, subscribe: Callable[[int], Any], tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[daemon]\nnode = "desk"\n[analyzer]\nruntime = "torch"\n[mqtt]\nurl = "{broker.url}"\n')
    running = daemon("--config", str(config))
    wait_until(running.ready, 240, "readiness without a broker")
    broker.start()
    told = subscribe(broker.port)
    wait_until(lambda: told.last().get("status") == "online", 60, "the daemon on MQTT")
    with connect(running.address.replace("http", "ws") + "/ws", proxy=None) as client:
        assert json.loads(client.recv())["type"] == "hello"
        begin = time.monotonic()
        for _ in range(3):
            running.process.send_signal(signal.SIGTERM)
        assert code_at_the_end(client) == 1001
    assert running.wait(5) == os.EX_OK
    assert time.monotonic() - begin < 5
    wait_until(lambda: told.last()["status"] == told.last()["demo/status"] == "offline", 5, "the farewell")
    with closing(sqlite3.connect(tmp_path / "state/timeline.sqlite")) as record:
        assert record.execute("SELECT count(*), sum(open) FROM segments").fetchone()[1] == 0


def code_at_the_end(client: Any) -> int | None:
    """With which code a WebSocket was closed, whatever came before."""
    try:
        while True:
            client.recv(timeout=10)
    except ConnectionClosed as closed:
        return None if closed.rcvd is None else closed.rcvd.code
