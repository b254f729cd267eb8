"""What the web viewer costs: its files, its first paint, its memory over many hops, its frames on a slow machine.

Chromium (Playwright's own or the system's) looks at the daemon's web server, which publishes a synthetic station: hops
of five models, columns of both spectrograms, level and segments. Memory is the page's heap after a collection.

    python benchmarks/viewer.py [--hops 50000] [--hops-a-second 250] [--slowdown 4]
"""

import argparse
import asyncio
import json
import os
import shutil
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import CDPSession, Page, sync_playwright
from synthetic import about, hop, status

from ccmusic_stream.geometry import BINS
from ccmusic_stream.level import Level
from ccmusicd.events import ColumnsEvent, LevelEvent, SegmentEvent
from ccmusicd.hub import Hub
from ccmusicd.publish.web import Web

VIEWER = Path(__file__).parents[1] / "web_viewer"
COLUMNS_A_HOP = 43
SEGMENT_HOPS = 60
FIRST_HOPS = 5_000
PAINTS = 9
FRAMES_S = 10.0

_PAINTED = "() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
_FRAMES = """(seconds) => new Promise((resolve) => {
  const times = [];
  const step = (now) => {
    times.push(now);
    if (now - times[0] < seconds * 1000) requestAnimationFrame(step);
    else resolve(times.slice(1).map((time, index) => time - times[index]));
  };
  requestAnimationFrame(step);
})"""


class Server:
    """The daemon's hub and web server on a thread of its own; hops are published from the caller's."""

    def __init__(self) -> None:
        self.hub = Hub(about())
        self.hops = 0
        self._random = np.random.default_rng(0)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._thread.start()
        self._ready.wait()

    async def _serve(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        web = Web(self.hub, host="127.0.0.1", port=0, viewer=VIEWER, ready=lambda: True)
        await web.start()
        self.url = f"http://127.0.0.1:{web.address[1]}/"
        self._ready.set()
        await self._end.wait()
        await web.stop()

    def stop(self) -> None:
        """End it."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def play(self, hops: int, a_second: float) -> None:
        """So many hops, at this pace."""
        began = time.monotonic()
        for number in range(hops):
            self._loop.call_soon_threadsafe(self._publish)
            time.sleep(max(0.0, began + (number + 1) / a_second - time.monotonic()))

    def _publish(self) -> None:
        self.hops += 1
        now_us = time.time_ns() // 1000
        for kind, bins in BINS.items():
            values = self._random.integers(0, 256, (COLUMNS_A_HOP, bins), dtype=np.uint8)
            self.hub.publish(ColumnsEvent("live", kind, bins, self.hops * COLUMNS_A_HOP, values.tobytes()))
        self.hub.publish(LevelEvent("live", Level(-18.0, -3.0)))
        begun_us = self.hops // SEGMENT_HOPS
        genre = f"genre{begun_us % 16}"
        self.hub.publish(SegmentEvent("live", "update", begun_us, now_us, "music", genre, trained=True))
        self.hub.publish(status(self.hops))
        self.hub.publish(hop(self.hops))


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--hops", type=int, default=50_000)
    arguments.add_argument("--hops-a-second", type=float, default=250.0)
    arguments.add_argument(
        "--slowdown", type=float, default=4.0, help="the processor for the frames, so many times slower"
    )
    options = arguments.parse_args()
    sizes = {file.name: file.stat().st_size for file in VIEWER.iterdir() if file.is_file()}
    server = Server()
    with _page() as (page, tools):
        result = {
            "benchmark": "viewer",
            "load_average": round(os.getloadavg()[0], 2),
            "files": len(sizes),
            "bytes": sum(sizes.values()),
            "first_paint_ms": _paints(page, server),
            "frames": _frames(page, tools, server, options.slowdown),
            "heap": _heap(page, tools, server, options.hops, options.hops_a_second),
        }
    server.stop()
    print(json.dumps(result, indent=2))


@contextmanager
def _page() -> Iterator[tuple[Page, CDPSession]]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 412, "height": 915}, device_scale_factor=2.6)
        page = context.new_page()
        yield page, context.new_cdp_session(page)
        browser.close()


def _paints(page: Page, server: Server) -> dict[str, float]:
    """From the request to the first contentful paint, as the browser tells it, over several loads."""
    server.play(3, 10)
    found = []
    for _ in range(PAINTS):
        page.goto(server.url)
        _until(lambda: page.evaluate(_PAINTED))
        found.append(float(page.evaluate(_PAINTED)))
    return {"median": round(statistics.median(found), 1), "most": round(max(found), 1)}


def _frames(page: Page, tools: CDPSession, server: Server, slowdown: float) -> dict[str, float]:
    """Frames a second of a phone's screen while hops come twice a second, on a slowed processor."""
    tools.send("Emulation.setCPUThrottlingRate", {"rate": slowdown})
    playing = threading.Thread(target=server.play, args=(round(2 * FRAMES_S), 2.0))
    playing.start()
    gaps = np.array(page.evaluate(_FRAMES, FRAMES_S))
    playing.join()
    tools.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    return {
        "slowdown": slowdown,
        "a_second": round(1000 / float(gaps.mean()), 1),
        "gap_ms_median": round(float(np.median(gaps)), 1),
        "gap_ms_p99": round(float(np.quantile(gaps, 0.99)), 1),
    }


def _heap(page: Page, tools: CDPSession, server: Server, hops: int, a_second: float) -> dict[str, Any]:
    """The heap after the first and after all hops; `received` are the messages that the page was given."""
    received = [0]
    page.on("websocket", lambda socket: socket.on("framereceived", lambda _: received.__setitem__(0, received[0] + 1)))
    page.goto(server.url)
    sizes = []
    for count in (FIRST_HOPS, hops - FIRST_HOPS):
        for done in range(0, count, 1000):
            server.play(min(1000, count - done), a_second)
            page.evaluate("() => 0")  # handles what came, and keeps Playwright's own queue short
            print(f"{server.hops} hops, {received[0]} messages", file=sys.stderr)
        tools.send("HeapProfiler.collectGarbage")
        sizes.append(float(tools.send("Runtime.getHeapUsage")["usedSize"]))
    first, last = sizes
    return {
        "hops": hops,
        "messages_received": received[0],
        f"kib_after_{FIRST_HOPS}": round(first / 1024),
        "kib_at_the_end": round(last / 1024),
        "growth_percent": round(100 * (last / first - 1), 2),
    }


def _until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the page was not painted within 20 s")


if __name__ == "__main__":
    main()
