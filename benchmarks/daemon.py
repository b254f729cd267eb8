"""The whole daemon while it runs: readiness, latency, memory and CPU of each process, and how its event loop keeps up.

Starts `ccmusicd run` on a free port (or watches `--url` of one that runs, whose processes start at `--pid`), listens
on its WebSocket and asks `/healthz` all the while: what that answer takes beyond its quickest is time in which the
event loop was busy or not scheduled. Prints one JSON object.

    python benchmarks/daemon.py [--seconds 60] [-- any arguments of ccmusicd run]
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from processes import PAGE, family, role
from websockets.asyncio.client import connect

_TICKS = os.sysconf("SC_CLK_TCK")


async def main() -> None:
    """Measure and print."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=60.0)
    arguments.add_argument("--url", help="of a daemon that runs already")
    arguments.add_argument("--pid", type=int, help="of that daemon")
    arguments.add_argument("run", nargs="*", help="arguments of ccmusicd run")
    options = arguments.parse_args()
    if options.url:
        result = await _observe(options.url, options.pid, options.seconds)
    else:
        with tempfile.TemporaryDirectory() as state:
            result = await _start_and_observe(options.run, state, options.seconds)
    print(json.dumps(result, indent=2))


async def _start_and_observe(arguments: Sequence[str], state: str, seconds: float) -> dict[str, Any]:
    started = time.monotonic()
    daemon = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "ccmusicd", "run", "--listen", "127.0.0.1:0", "--state", state, *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        assert daemon.stdout is not None  # noqa: S101 - it was asked for as a pipe
        url = (await daemon.stdout.readline()).decode().split()[1].rstrip("/")
        served_s = time.monotonic() - started
        async with httpx.AsyncClient() as client:
            while (await client.get(f"{url}/readyz")).status_code != 200:  # noqa: ASYNC110 - another process's state
                await asyncio.sleep(0.1)
        ready_s = time.monotonic() - started
        measured = await _observe(url, daemon.pid, seconds)
    finally:
        stopped = time.monotonic()
        daemon.terminate()
        status = await daemon.wait()
    return {
        "benchmark": "daemon",
        "viewer_served_s": round(served_s, 2),
        "ready_s": round(ready_s, 2),
        **measured,
        "stop_s": round(time.monotonic() - stopped, 2),
        "exit_status": status,
    }


async def _observe(url: str, pid: int, seconds: float) -> dict[str, Any]:
    hops: list[dict[str, Any]] = []
    answers: list[float] = []
    before, began = _cpu_seconds(pid), time.monotonic()
    tasks = [asyncio.create_task(_collect_hops(url, hops)), asyncio.create_task(_ask(url, answers))]
    await asyncio.sleep(seconds)
    passed = time.monotonic() - began
    after = _cpu_seconds(pid)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    quickest = min(answers)
    return {
        "seconds": round(passed, 1),
        "load_average": os.getloadavg()[0],
        "hops": len(hops),
        "dropped": max((hop["dropped"] for hop in hops), default=0),
        "hop_ms_median": _median([hop["hop_ms"] for hop in hops]),
        "sound_to_message_ms": _spread([hop["lag_s"] * 1e3 for hop in hops]),
        "healthz_ms": _spread([answer * 1e3 for answer in answers]),
        "event_loop_lag_ms_p99": round(1e3 * (_quantile(answers, 0.99) - quickest), 1),
        "processes": {
            name: {
                "rss_mib": round(_rss(number) / 2**20),
                "cpu_percent": round(100 * (cpu - before[name, number]) / passed, 1),
            }
            for (name, number), cpu in after.items()
            if (name, number) in before
        },
    }


async def _collect_hops(url: str, hops: list[dict[str, Any]]) -> None:
    async with connect(url.replace("http", "ws", 1) + "/ws") as websocket:
        async for message in websocket:
            content = json.loads(message)
            if content["type"] == "hop":
                hops.append(content)


async def _ask(url: str, answers: list[float]) -> None:
    async with httpx.AsyncClient() as client:
        while True:
            started = time.perf_counter()
            await client.get(f"{url}/healthz")
            answers.append(time.perf_counter() - started)
            await asyncio.sleep(0.02)


def _cpu_seconds(pid: int) -> dict[tuple[str, int], float]:
    """CPU time so far of the daemon and each process below it, by (role, process)."""
    seconds = {}
    for number, parent in family(pid).items():
        try:
            command = Path(f"/proc/{number}/cmdline").read_text().split("\0")
            fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        seconds[role(command, is_main=number == pid, is_child=parent == pid), number] = (
            int(fields[11]) + int(fields[12])
        ) / _TICKS
    return seconds


def _rss(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def _median(values: Sequence[float]) -> float | None:
    return round(statistics.median(values), 1) if values else None


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {
        "median": round(_quantile(values, 0.5), 1),
        "p99": round(_quantile(values, 0.99), 1),
        "max": round(max(values), 1),
    }


if __name__ == "__main__":
    asyncio.run(main())
