"""The main job with real parts: Icecast and a file in, WebSocket, MQTT and the record out, and all agree.

Meanwhile the capture, the analyzer and the broker are killed.
"""

import itertools
import json
import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.running import Subscriber, WebSocketLog, children

Wait = Callable[..., None]


def test_what_is_heard_is_told_alike_everywhere_though_parts_are_killed(
    daemon: Callable[..., Any],
    icecast: Any,
    broker: Any,
    subscribe: Callable[[int], Subscriber],
    wait_until: Wait,
    make_music: Callable[..., NDArray[np.float32]],
    write_wav: Callable[[NDArray[np.float32]], Path],
    tmp_path: Path,
) -> None:
    icecast.feed("live")
    icecast.title("live", "Kraftwerk - Autobahn")
    broker.start()
    heard = subscribe(broker.port)
    config = tmp_path / "config.toml"
    config.write_text(
        f'[daemon]\nnode = "desk"\n[analyzer]\nhop = 1.0\n[mqtt]\nurl = "{broker.url}"\n'
        f'[stations.stream]\ninput = "{icecast.url("live")}"\n[stations.tape]\ninput = "{write_wav(make_music(900))}"\n'
    )
    running = daemon("--config", str(config))
    wait_until(lambda: running.address, 30, "the address")
    log = WebSocketLog(running.address)
    wait_until(lambda: len(log.hops("stream")) >= 3 and len(log.hops("tape")) >= 3, 90, "hops of both stations")

    def goes_on(seconds: float, what: str) -> None:
        before = {station: len(log.hops(station)) for station in ("stream", "tape")}
        wait_until(lambda: all(len(log.hops(s)) >= n + 2 for s, n in before.items()), seconds, what)

    captures = children(running.process.pid, "capture.child")
    assert len(captures) == 2
    for pid in captures:
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: len(children(running.process.pid, "capture.child") - captures) == 2, 20, "new captures")
    goes_on(30, "hops after the captures were killed")

    server, analyzer = sorted(children(running.process.pid, "forkserver"))
    os.kill(analyzer, signal.SIGKILL)
    wait_until(lambda: children(running.process.pid, "forkserver") - {server, analyzer}, 20, "a new analyzer")
    goes_on(60, "hops after the analyzer was killed")

    broker.kill()
    goes_on(20, "hops without a broker")
    before_broker = len(heard.lines)
    broker.start()
    wait_until(lambda: ("status", "online") in heard.lines[before_broker:], 60, "the broker's news")
    goes_on(20, "hops with the broker")

    now = running.get("/api/v1/now")["stations"]
    assert now["stream"]["status"]["source"]["title"] == "Kraftwerk - Autobahn"
    assert now["stream"]["status"]["source"]["restarts"] == 1
    assert now["stream"]["status"]["analyzer"]["restarts"] == 1
    assert running.terminate() == 0
    log.join()
    wait_until(lambda: heard.last()["status"] == "offline", 10, "offline")

    check_messages(log, heard)
    check_record(tmp_path / "state/timeline.sqlite", log)


def check_messages(log: WebSocketLog, heard: Subscriber) -> None:
    """Counters, WebSocket and MQTT tell the same."""
    last = {m["station"]: m for m in log.messages if m["type"] == "status"}
    slugs = {label["slug"] for label in log.messages[0]["labels"]}
    for station in ("stream", "tape"):
        hops = log.hops(station)
        assert len(hops) == last[station]["hops"]
        assert [hop["seq"] for hop in hops] == list(range(1, len(hops) + 1))
        samples = [hop["end_sample"] for hop in hops]
        assert samples == sorted(set(samples))
        assert all(hop["trained"] is False for hop in hops)
        assert 0 < sum(topic == f"{station}/probs" for topic, _ in heard.lines) <= len(hops)
        assert heard.last()[f"{station}/genre"] in {"none", *slugs}
        assert json.loads(heard.last()[f"{station}/state"])["trained"] is False


def check_record(file: Path, log: WebSocketLog) -> None:
    """The record has no hole, knows the analyzer's absence, and names the segments that were told."""
    with sqlite3.connect(file) as record:
        assert record.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows = record.execute("SELECT station, start_us, end_us, note FROM segments ORDER BY start_us").fetchall()
    told = {m["id"] for m in log.messages if m["type"] == "segment"}
    spans = []
    for station in ("stream", "tape"):
        own = [row for row in rows if row[0] == station]
        assert all(a[2] == b[1] for a, b in itertools.pairwise(own))
        assert "analyzer restarting" in {note for *_, note in own}
        assert {f"{station}:{start}" for _, start, _, _ in own} <= told
        spans.append((own[-1][2] - own[0][1]) / 1e6)
    assert spans[0] == pytest.approx(spans[1], abs=0.5)
