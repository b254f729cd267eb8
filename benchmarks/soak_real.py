"""The daemon itself over many hops: sound through its stdin as fast as its networks hear it, its processes watched."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from growth import Growth
from processes import roles

RATE = 22_050
LOOK_EVERY_S = 1.0
SHOW_EVERY_S = 30.0
SAMPLES = 400

_CONFIG = """
[daemon]
listen = "127.0.0.1:0"
state_dir = {state}
[analyzer]
bundle = {bundle}
models = {models}
hop = {hop_s}
[stations.soak]
input = "-"
raw_rate = 22050
raw_channels = 1
raw_format = "s16le"
"""


def soak_real(hops: int, *, bundle: str, models: str, hop_s: float, most_s: float, seed: int) -> dict[str, Any]:
    """Have a daemon hear so many hops, or as many as it can in `most_s` seconds; what its processes held meanwhile."""
    growth = Growth()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "ccmusicd.toml"
        words = {"state": folder, "bundle": bundle, "models": models.split(",")}
        config.write_text(_CONFIG.format(hop_s=hop_s, **{name: json.dumps(word) for name, word in words.items()}))
        daemon = subprocess.Popen(
            [sys.executable, "-m", "ccmusicd", "run", "--config", str(config), "--speed", "max"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        try:
            heard, seconds = _watch(daemon, growth, hops, most_s, seed)
        finally:
            daemon.terminate()
            status = daemon.wait()
    return {
        "hops": heard,
        "wanted": hops,
        "seconds": round(seconds, 1),
        "bundle": bundle,
        "models": models,
        "hop_s": hop_s,
        "load_average": round(os.getloadavg()[0], 2),
        "exit_status": status,
        "processes": growth.summary(),
    }


def _watch(daemon: "subprocess.Popen[bytes]", growth: Growth, hops: int, most_s: float, seed: int) -> tuple[int, float]:
    assert daemon.stdout is not None  # noqa: S101 - it was asked for as a pipe
    url = daemon.stdout.readline().decode().split()[1]
    threading.Thread(target=_feed, args=(daemon, seed), daemon=True).start()
    begun = shown = time.monotonic()
    heard, sampled = 0, -1
    while heard < hops and daemon.poll() is None and (now := time.monotonic()) - begun < most_s:
        heard = _hops(url)
        if heard > sampled + hops // SAMPLES:
            sampled = heard
            growth.take(heard, roles(daemon.pid))
        if now - shown >= SHOW_EVERY_S:
            shown = now
            growth.show(heard, hops)
        time.sleep(LOOK_EVERY_S)
    return heard, time.monotonic() - begun


def _feed(daemon: "subprocess.Popen[bytes]", seed: int) -> None:
    """Noise of changing colour and loudness, at times silence, for as long as the daemon takes it."""
    assert daemon.stdin is not None  # noqa: S101 - it was asked for as a pipe
    random = np.random.default_rng(seed)
    with contextlib.suppress(OSError, ValueError):
        while True:
            white = random.standard_normal(10 * RATE)
            loud = 0.0 if random.random() < 0.05 else random.uniform(0.02, 0.3)
            sound = loud * np.convolve(white, random.uniform(-1, 1, 6), mode="same")
            daemon.stdin.write((np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes())


def _hops(url: str) -> int:
    with urllib.request.urlopen(f"{url}api/v1/now", timeout=10) as answer:  # noqa: S310 - the daemon's own address
        status = json.load(answer)["stations"]["soak"]["status"]
    return int(status["hops"]) if status else 0
