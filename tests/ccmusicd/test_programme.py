"""The whole daemon with a programme: silence becomes a notice, a hook runs, the file of what is playing is written."""

import json
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from websockets.sync.client import connect

RATE = 22_050

HOOK = "import os, sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')"


def configuration(tmp_path: Path, source: str) -> Path:
    out = tmp_path / "hook.jsonl"
    file = tmp_path / "config.toml"
    file.write_text(
        f"""
[dead_air]
after_s = 6
clear_after_s = 5
[notices]
down_after_s = 1
[stations.tape]
input = {json.dumps(source)}
name = "The Tape"
at_end = "loop"
[stations.tape.now_playing]
file = "nowplaying.txt"
template = "{{title}}"
without_title = "{{station}}: {{state}}"
[stations.tape.programme]
[[stations.tape.programme.quotas]]
genres = ["jazz"]
at_least = 0.4
window_s = 60
warn_before_s = 5
clear_margin_s = 1
[hooks.log]
on = ["dead_air", "down"]
command = {json.dumps([sys.executable, "-c", HOOK, str(out)])}
timeout_s = 60
"""
    )
    return file


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def metrics_of(address: str) -> str:
    with urllib.request.urlopen(f"{address}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
    return text


def test_dead_air_reaches_hooks_websocket_api_metrics_and_the_next_daemon(
    daemon: Callable[..., Any], wait_until: Callable[..., None], make_music: Any, write_wav: Any, tmp_path: Path
) -> None:
    quiet = write_wav(np.zeros(120 * RATE, np.float32))
    config = configuration(tmp_path, str(quiet))
    first = daemon("--config", str(config))
    wait_until(lambda: first.address, 60, "the address")
    with connect(first.address.replace("http", "ws") + "/ws", proxy=None) as client:
        client.send('{"type": "subscribe", "topics": ["notice"]}')
        notice = next(message for text in client if (message := json.loads(text))["type"] == "notice")
    assert (notice["kind"], notice["change"]) == ("dead_air", "raised")
    assert notice["values"]["cause"] in {"silence", "no_signal"}  # a file is not read before the networks are there
    (held,) = first.get("/api/v1/now")["stations"]["tape"]["notices"]
    assert held["id"] == notice["id"] == "tape:dead_air:"
    wait_until(lambda: [line["change"] for line in lines(tmp_path / "hook.jsonl")] == ["raised"], 30, "the hook")
    # The line is written some moments before the command has ended.
    done = 'ccmusic_hook_calls_total{hook="log",outcome="done"} 1.0'
    wait_until(lambda: done in metrics_of(first.address), 30, "the hook's end")
    assert 'ccmusic_notices_active{kind="dead_air",station="tape"} 1.0' in metrics_of(first.address)
    assert 'ccmusic_quota_margin_seconds{quota="jazz at least 40 % in 60 s",station="tape"}' in metrics_of(
        first.address
    )
    playing = tmp_path / "state/nowplaying.txt"
    wait_until(lambda: playing.exists() and playing.read_text() == "The Tape: silence\n", 60, "what is playing")
    first.process.kill()
    first.wait()

    write_wav(make_music(120))
    second = daemon("--config", str(config))
    wait_until(lambda: len(lines(tmp_path / "hook.jsonl")) >= 3, 60, "the down event and the end of the dead air")
    told = [(line["kind"], line["change"]) for line in lines(tmp_path / "hook.jsonl")]
    assert told == [("dead_air", "raised"), ("down", "told"), ("dead_air", "cleared")]
    assert lines(tmp_path / "hook.jsonl")[2]["since"] == notice["since"]
    assert second.get("/api/v1/now")["stations"]["tape"]["notices"] == []
    assert second.terminate() == 0
    assert playing.read_text() == ""
    assert not any("Traceback" in line for line in second.err), second.err
    assert not [file for file in (tmp_path / "state").iterdir() if file.name.startswith(".")]
