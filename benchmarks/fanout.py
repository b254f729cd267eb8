"""Many live viewers of one daemon, some of which stop reading: what they cost the others, and when they are cut.

A server process has the daemon's hub and its web server, and publishes a synthetic station's hops (with a status and
the open segment each second, as a station does). Viewers are real WebSocket connections on the loopback in other
processes; after a while some stop reading, so that TCP holds the server back. Prints one JSON object.

    python benchmarks/fanout.py [--viewers 1000] [--stopped 50] [--hops-a-second 2] [--seconds 60]
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from fanout_viewers import watch
from synthetic import about, hop, status

from ccmusicd.events import SegmentEvent
from ccmusicd.hub import Hub
from ccmusicd.publish.web import Web

SETTLE_S = 5.0
"""Hops before anything is measured, and before the memory's slope is, once the last stopped viewer is gone."""

STOP_AFTER_S = 10.0
_spawned = multiprocessing.get_context("spawn")


def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--viewers", type=int, default=1000)
    arguments.add_argument("--stopped", type=int, default=50, help="how many of them stop reading after a while")
    arguments.add_argument("--hops-a-second", type=float, default=2.0)
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--processes", type=int, default=1, help="how many the viewers are divided among")
    options = arguments.parse_args()
    _open_many_files()
    print(json.dumps(measure(options), indent=2))


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Start the server and the viewers, and put together what they say."""
    ours, theirs = _spawned.Pipe()
    server = _spawned.Process(target=_serve, args=(theirs, options.viewers, options.hops_a_second), daemon=True)
    server.start()
    port = ours.recv()
    crowds = [_crowd(port, share, stopped) for share, stopped in _shares(options)]
    for crowd in crowds:
        crowd.recv()  # all of its viewers are connected
    rss_empty = _rss_kib(server.pid)
    ours.send("publish")
    started = time.monotonic()
    memory: list[tuple[float, int]] = []
    stopped_at = 0.0
    while (passed := time.monotonic() - started) < options.seconds:
        if not stopped_at and passed >= STOP_AFTER_S:
            stopped_at = time.monotonic()
            for crowd in crowds:
                crowd.send("stop")
        memory.append((time.monotonic(), _rss_kib(server.pid)))
        time.sleep(0.5)
    ours.send("end")
    published = ours.recv()
    for crowd in crowds:
        crowd.send("end")
    heard = [crowd.recv() for crowd in crowds]
    server.join()
    return _summary(options, heard, published, memory, rss_empty)


def _shares(options: argparse.Namespace) -> list[tuple[int, int]]:
    """Viewers, and stopped ones among them, for each process."""
    count = options.processes
    return [
        (options.viewers // count + (place < options.viewers % count), _part(options.stopped, count, place))
        for place in range(count)
    ]


def _part(whole: int, count: int, place: int) -> int:
    return whole // count + (place < whole % count)


def _crowd(port: int, viewers: int, stopped: int) -> Connection:
    ours, theirs = _spawned.Pipe()
    _spawned.Process(target=watch, args=(theirs, port, viewers, stopped), daemon=True).start()
    return ours


def _summary(
    options: argparse.Namespace,
    heard: Sequence[dict[str, Any]],
    published: dict[str, Any],
    memory: Sequence[tuple[float, int]],
    rss_empty: int,
) -> dict[str, Any]:
    delays = np.concatenate([crowd["delays_s"] for crowd in heard]) * 1e3
    cuts = sorted(second for crowd in heard for second in crowd["cut_after_s"])
    lost = sum(crowd["lost"] for crowd in heard)
    steady = [point for point in memory if point[0] - memory[0][0] > STOP_AFTER_S + max(cuts, default=0) + SETTLE_S]
    return {
        "benchmark": "fanout",
        "viewers": options.viewers,
        "stopped": options.stopped,
        "hops_published": published["hops"],
        "message_bytes": published["message_bytes"],
        "load_average": round(os.getloadavg()[0], 2),
        "delay_ms": {
            "p50": round(float(np.quantile(delays, 0.5)), 1),
            "p99": round(float(np.quantile(delays, 0.99)), 1),
            "max": round(float(delays.max()), 1),
        },
        "hops_lost": lost,
        "server_cpu_percent": round(100 * published["cpu_s"] / published["seconds"], 1),
        "server_rss_mib": {
            "before_the_first_hop": round(rss_empty / 1024, 1),
            "start": round(memory[0][1] / 1024, 1),
            "most": round(max(size for _, size in memory) / 1024, 1),
            "end": round(memory[-1][1] / 1024, 1),
        },
        "server_rss_slope_kib_a_minute": _slope(steady),
        "stopped_cut": len(cuts),
        "stopped_cut_after_s": None
        if not cuts
        else {"least": round(cuts[0], 2), "median": round(statistics.median(cuts), 2), "most": round(cuts[-1], 2)},
        "counted_as_cut": published["cut"],
    }


def _slope(points: Sequence[tuple[float, int]]) -> float | None:
    """KiB a minute of a straight line through the steady part; None where it is too short for one."""
    if len(points) < 20:
        return None
    times, sizes = np.array(points).T
    return round(float(np.polyfit(times - times[0], sizes, 1)[0]) * 60, 1)


def _rss_kib(pid: int | None) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def _open_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


# --- the server's process ---


def _serve(control: Connection, viewers: int, hops_a_second: float) -> None:
    _open_many_files()
    asyncio.run(_serving(control, viewers, hops_a_second))


async def _serving(control: Connection, viewers: int, hops_a_second: float) -> None:
    hub = Hub(about())
    loop = asyncio.get_running_loop()
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "index.html").write_text("")
        web = Web(hub, host="127.0.0.1", port=0, viewer=Path(folder), ready=lambda: True, max_clients=viewers + 10)
        await web.start()
        control.send(web.address[1])
        await loop.run_in_executor(None, control.recv)
        end = loop.run_in_executor(None, control.recv)
        began, cpu = time.monotonic(), time.process_time()
        hops = await _publish(hub, hops_a_second, end)
        await asyncio.sleep(1.0)  # what was published last is on its way
        control.send(
            {
                "hops": hops,
                "message_bytes": len(json.dumps(hop(1).to_wire())),
                "seconds": time.monotonic() - began,
                "cpu_s": time.process_time() - cpu,
                "cut": web.clients_cut,
            }
        )
        await web.stop()


async def _publish(hub: Hub, hops_a_second: float, end: "asyncio.Future[Any]") -> int:
    """Hops by the clock until `end`; gives how many."""
    began, seq = time.monotonic(), 0
    while not end.done():
        seq += 1
        if seq % max(1, round(hops_a_second)) == 0:
            hub.publish(status(seq))
            hub.publish(SegmentEvent("live", "update", 0, time.time_ns() // 1000, "music", "genre0", trained=True))
        hub.publish(hop(seq))
        await asyncio.wait({end}, timeout=max(0.0, began + seq / hops_a_second - time.monotonic()))
    return seq


if __name__ == "__main__":
    main()
