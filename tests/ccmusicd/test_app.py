"""The daemon as a process: one main job from a file to the record, its exits, and its reloads."""

import itertools
import os
import re
import signal
import socket
import sqlite3
import sys
import threading
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from websockets.sync.client import connect

RATE = 22_050

Start = Callable[..., Any]
Wait = Callable[..., None]
Music = Callable[..., NDArray[np.float32]]
Write = Callable[[NDArray[np.float32]], Path]


def rows(state: Path) -> list[tuple[str, str, int, int]]:
    with sqlite3.connect(state / "timeline.sqlite") as record:
        found = record.execute("SELECT station, kind, start_us, end_us FROM segments ORDER BY station, start_us")
        return list(found.fetchall())


def test_file_at_full_speed_is_heard_whole_recorded_and_ends_with_0(
    daemon: Start, make_music: Music, write_wav: Write, tmp_path: Path
) -> None:
    silence = np.zeros(8 * RATE, dtype=np.float32)
    file = write_wav(np.concatenate((make_music(40), silence, make_music(30, seed=1))))
    running = daemon("--input", str(file), "--speed", "max")
    assert running.wait(120) == 0, running.err
    found = rows(tmp_path / "state")
    assert [kind for _, kind, _, _ in found][-1] in {"music", "speech", "uncertain"}
    assert "silence" in {kind for _, kind, _, _ in found}
    for (_, _, _, end), (_, _, start, _) in itertools.pairwise(found):
        assert end == start
    (silent,) = [(end - start) / 1e6 for _, kind, start, end in found if kind == "silence"]
    assert silent == pytest.approx(8.0, abs=0.2)
    assert (found[-1][3] - found[0][2]) / 1e6 == pytest.approx(78.0, abs=1.1)
    assert any("not trained" in line for line in running.err)


def test_demo_without_anything_is_ready_and_stops_on_ctrl_c_with_0(
    daemon: Start, wait_until: Wait, tmp_path: Path
) -> None:
    running = daemon()
    wait_until(running.ready, 90, "readiness")
    wait_until(lambda: running.get("/api/v1/now")["stations"]["demo"]["hop"], 30, "a hop")
    now = running.get("/api/v1/now")
    assert now["trained"] is False
    assert now["stations"]["demo"]["hop"]["trained"] is False
    assert now["stations"]["demo"]["status"]["source"]["state"] == "running"
    assert running.get("/healthz")["status"] == "ok"
    with urllib.request.urlopen(f"{running.address}/metrics", timeout=5) as answer:
        metrics = answer.read().decode()
    assert re.search(r'^ccmusic_hop_duration_seconds_count\{station="demo"\} [1-9]', metrics, re.MULTILINE)
    assert 'ccmusic_up{station="demo"} 1.0' in metrics
    assert 'ccmusic_part_up{part="timeline"} 1.0' in metrics

    def status() -> dict[str, Any]:
        return dict(running.get("/api/v1/now")["stations"]["demo"]["status"])

    with connect(running.address.replace("http", "ws") + "/ws", proxy=None) as client:
        client.send('{"type": "pause", "station": "demo"}')
        client.send('{"type": "resume", "station": "demo"}')
        heard = status()["hops"]
        wait_until(lambda: status()["hops"] > heard + 1 and status()["state"] != "paused", 30, "hops after the pause")
        client.send('{"type": "pause", "station": "demo"}')
        wait_until(lambda: status()["state"] == "paused", 10, "the pause")
    running.process.send_signal(signal.SIGINT)
    running.process.send_signal(signal.SIGINT)
    assert running.wait(10) == 0
    assert not any("Traceback" in line for line in running.err)
    assert {kind for _, kind, _, _ in rows(tmp_path / "state")} >= {"paused"}


def test_stations_of_a_configuration_run_side_by_side(
    daemon: Start, wait_until: Wait, make_music: Music, write_wav: Write, tmp_path: Path
) -> None:
    file = write_wav(make_music(600))
    config = tmp_path / "config.toml"
    config.write_text(
        f'[stations.tape]\ninput = "{file}"\nname = "The Tape"\n[stations.demo]\ninput = "demo"\n'
        '[stations.gone]\ninput = "http://127.0.0.1:9/live"\n'
    )
    running = daemon("--config", str(config))

    def stations() -> dict[str, Any]:
        return dict((running.get("/api/v1/now") or {"stations": {}})["stations"])

    wait_until(running.ready, 90, "readiness")
    wait_until(lambda: all(stations()[key]["hop"] for key in ("tape", "demo")), 30, "hops of both")
    wait_until(lambda: stations()["gone"]["status"]["state"] == "no_signal", 20, "no signal")
    assert stations()["gone"]["status"]["source"]["state"] in {"backoff", "connecting"}
    assert stations()["tape"]["status"]["source"]["format"]["rate"] == RATE
    names = {row["id"]: row["name"] for row in running.get("/api/v1/stations")["stations"]}
    assert names == {"tape": "The Tape", "demo": "demo", "gone": "gone"}
    assert running.terminate() == 0


def test_missing_input_ends_with_66_and_a_sentence(daemon: Start, tmp_path: Path) -> None:
    running = daemon("--input", str(tmp_path / "nothing.mp3"))
    assert running.wait(60) == 66
    assert any("nothing.mp3" in line and "No such file" in line for line in running.err)
    assert not any("runtimes:" in line for line in running.err)  # at once: before the networks were loaded
    assert not any("Traceback" in line for line in running.err)


def test_raw_sound_on_a_pipe(daemon: Start, make_music: Music, tmp_path: Path) -> None:
    fifo = tmp_path / "pipe"
    os.mkfifo(fifo)
    pcm = (make_music(25) * 32_767).astype("<i2").tobytes()
    threading.Thread(target=lambda: fifo.write_bytes(pcm), daemon=True).start()
    running = daemon("--input", f"exec:cat {fifo}", "--raw-rate", str(RATE), "--raw-channels", "1", "--speed", "max")
    assert running.wait(90) == 0, running.err
    found = rows(tmp_path / "state")
    assert (found[-1][3] - found[0][2]) / 1e6 == pytest.approx(25.0, abs=1.1)


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--speed", "fast"], 64, "'fast' is not one of"),
        (["--listen", "nowhere"], 78, "command line: daemon.listen"),
        (["--input", "gopher://x"], 78, "gopher"),
        (["--bundle", "/nonexistent"], 78, "/nonexistent"),
        (["--config", "/nonexistent.toml"], 78, "cannot be read"),
        (["--raw-rate", "8000"], 64, "describe an --input"),
        (["--input", "http://127.0.0.1:9/x", "--speed", "max"], 78, "full speed is for what has an end"),
        (["--speed", "max"], 78, "the demo has none"),
    ],
)
def test_wrong_command_line_ends_with_a_sentence(daemon: Start, arguments: list[str], status: int, words: str) -> None:
    running = daemon(*arguments)
    assert running.wait(30) == status
    assert words in "".join(running.err)
    assert "Traceback" not in "".join(running.err)


def test_address_in_use_ends_with_69(daemon: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        running = daemon("--listen", f"127.0.0.1:{taken.getsockname()[1]}")
        assert running.wait(30) == 69
    assert "in use" in "".join(running.err)


def test_supervisor_hears_ready_status_watchdog_and_stopping(daemon: Start, wait_until: Wait, tmp_path: Path) -> None:
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(0.1)

        def listen() -> None:
            while "STOPPING=1" not in heard:
                try:
                    heard.extend(supervisor.recv(4096).decode().splitlines())
                except TimeoutError:
                    continue
                except OSError:
                    return

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        running = daemon(NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="3000000")
        wait_until(lambda: "READY=1" in heard, 90, "READY")
        assert running.ready()
        wait_until(lambda: heard.count("WATCHDOG=1") >= 3, 20, "the watchdog")
        wait_until(lambda: any(line.startswith("STATUS=demo:") for line in heard), 20, "the status")
        assert running.terminate() == 0
        wait_until(lambda: "STOPPING=1" in heard, 5, "STOPPING")
        listener.join(5)


WITHOUT_NETWORKS = """
import asyncio, sys
from ccmusicd import app, cli
from ccmusicd.analyzer import Analyzer

async def load_for_ever(analyzer):
    await asyncio.Event().wait()

Analyzer._run_child = load_for_ever
app.UP_WITHIN_S = 0.5
sys.argv = ["ccmusicd", *sys.argv[4:]]
cli.main()
"""


def test_a_supervisor_is_told_ready_in_time_also_where_no_network_can_be_loaded(daemon: Start, tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        supervisor.bind(str(tmp_path / "notify"))
        supervisor.settimeout(30)
        running = daemon(before=[sys.executable, "-c", WITHOUT_NETWORKS], NOTIFY_SOCKET=str(tmp_path / "notify"))
        while "READY=1" not in supervisor.recv(4096).decode().splitlines():
            pass
        assert not running.ready()
        assert running.terminate() == 0
    assert any("no networks within" in line for line in running.err)
