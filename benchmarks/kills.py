"""kill -9 of the daemon at random moments, again and again on one record: what is lost, and whether the record says so.

The daemon is a real one with three live stations whose invented votes change their genre every two seconds, and with
viewers; with `--networks` it has its analyzer child and the networks of `--models`, and starts more slowly. One kill in
five comes before it serves. After each kill the files are checked as the kill left them, and after each new start the
record that the daemon mended. Prints one JSON object.

    python benchmarks/kills.py [--kills 100] [--seed 0] [--networks]
"""

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from killed_record import Row, checked, copied, faults, faults_after_start, lost, rows_of, unwritten_s
from processes import family
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

STATIONS = ("one", "two", "three")
VIEWERS = 3
EARLY = 0.2
"""Share of the kills that come before the daemon serves."""

EARLY_WITHIN_S = 2.0
LATE_WITHIN_S = 5.0
SERVED_WITHIN_S = 120.0
ORPHANS_GONE_WITHIN_S = 10.0

_HERE = Path(__file__).parent
_CONFIG = """
[daemon]
listen = "127.0.0.1:0"
state_dir = {state}
[analyzer]
models = {models}
[decision]
time_constant_s = 0.5
hold_s = 0.2
least_heard_s = 0.5
"""
_STATION = """
[stations.{name}]
input = {source}
raw_rate = 22050
raw_channels = 1
raw_format = "s16le"
"""


async def main() -> None:
    """Kill, look and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--networks", action="store_true", help="with the analyzer child")
    parser.add_argument("--models", default="light", help="names or presets, separated by commas")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        kills = Kills(Path(folder), options.models.split(","), networks=options.networks, seed=options.seed)
        for number in range(options.kills):
            await kills.once(number)
        await kills.start()
        await kills.stop()
        print(json.dumps(kills.summary(), indent=2))


class Kills:
    """One record, and the daemons that are killed while they write it."""

    def __init__(self, folder: Path, models: list[str], *, networks: bool, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._state = folder / "state"
        self._copies = folder / "copies"
        self._copies.mkdir()
        config = folder / "ccmusicd.toml"
        source = json.dumps(f"exec:{sys.executable} -I {_HERE / 'noise_source.py'}")
        head = _CONFIG.format(state=json.dumps(str(self._state)), models=json.dumps(models))
        config.write_text(head + "".join(_STATION.format(name=name, source=source) for name in STATIONS))
        program = ["-m", "ccmusicd"] if networks else [str(_HERE / "invented_daemon.py")]
        self._command = [sys.executable, *program, "run", "--config", str(config)]
        self._began = time.monotonic()
        self._daemon: asyncio.subprocess.Process | None = None
        self._killed_us: list[int] = []  # not yet looked for in the record
        self._before: list[Row] = []  # committed before the last kill, or copied after it
        self._kills = self._early = self._seen = self._orphans = 0
        self._faults: list[str] = []
        self._served_s: list[float] = []
        self._tails_s: list[float] = []

    async def once(self, number: int) -> None:
        """Start the daemon, let it write, kill it, and look at what the kill left."""
        early = bool(self._random.random() < EARLY)
        began = time.monotonic()
        if early:
            await self._spawn()
            await asyncio.sleep(float(self._random.uniform(0, EARLY_WITHIN_S)))
            watching: list[asyncio.Task[None]] = []
        else:
            url = await self.start()
            watching = [asyncio.create_task(self._view(url)) for _ in range(VIEWERS)]
            await asyncio.sleep(float(self._random.uniform(0, LATE_WITHIN_S)))
        if not early:
            self._before = await asyncio.to_thread(rows_of, self._record)
        await self._kill()
        for task in watching:
            task.cancel()
        await asyncio.gather(*watching, return_exceptions=True)
        self._early += early
        found = await asyncio.to_thread(self._look)
        if not early:
            self._tails_s += unwritten_s(self._before, self._killed_us[-1])
        self._faults += [f"kill {number}: {fault}" for fault in found]
        sys.stderr.write(
            f"kill {number + 1}{' while it starts' if early else ''}: {len(self._before)} rows, "
            f"{len(self._faults)} faults, {time.monotonic() - began:.1f} s\n"
        )
        sys.stderr.flush()

    async def start(self) -> str:
        """A daemon that serves; the record as it mended it is looked at. Its address."""
        began = time.monotonic()
        daemon = await self._spawn()
        assert daemon.stdout is not None  # noqa: S101 - it was asked for as a pipe
        async with asyncio.timeout(SERVED_WITHIN_S):
            line = (await daemon.stdout.readline()).decode()
        served_us = time.time_ns() // 1000
        self._served_s.append(time.monotonic() - began)
        if not line.startswith("viewer:"):
            raise SystemExit(f"the daemon does not serve, it says {line!r}")
        rows = await asyncio.to_thread(rows_of, self._record)
        self._faults += faults_after_start(self._before, rows, self._killed_us, served_us)
        self._killed_us.clear()
        return line.split()[1]

    async def stop(self) -> None:
        """SIGTERM, and the last look."""
        assert self._daemon is not None  # noqa: S101 - it was started
        self._daemon.terminate()
        await self._daemon.wait()
        self._faults += faults(rows_of(self._record), STATIONS) + checked(self._record)

    def summary(self) -> dict[str, Any]:
        """What was found."""
        rows = rows_of(self._record)
        by_station = {name: [row for row in rows if row.station == name] for name in STATIONS}
        return {
            "benchmark": "kills",
            "kills": self._kills,
            "of_these_while_it_started": self._early,
            "minutes": round((time.monotonic() - self._began) / 60, 1),
            "load_average": round(os.getloadavg()[0], 2),
            "messages_seen": self._seen,
            "rows": len(rows),
            "rows_down": sum(row.kind == "down" for row in rows),
            "covered_s": {name: round(sum(row.end_us - row.start_us for row in those) / 1e6, 3)
                          for name, those in by_station.items()},
            "wall_clock_s": {name: round((those[-1].end_us - those[0].start_us) / 1e6, 3)
                             for name, those in by_station.items()},
            "served_again_s": _spread(self._served_s),
            "unwritten_before_a_kill_s": _spread(self._tails_s),
            "orphans": self._orphans,
            "faults": self._faults,
        }  # fmt: skip

    @property
    def _record(self) -> Path:
        return self._state / "timeline.sqlite"

    async def _spawn(self) -> asyncio.subprocess.Process:
        pipe, none = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        self._daemon = await asyncio.create_subprocess_exec(*self._command, stdout=pipe, stderr=none)
        return self._daemon

    async def _kill(self) -> None:
        assert self._daemon is not None  # noqa: S101 - it was started
        children = set(family(self._daemon.pid)) - {self._daemon.pid}
        self._daemon.kill()
        self._killed_us.append(time.time_ns() // 1000)
        await self._daemon.wait()
        self._kills += 1
        self._orphans += len(await asyncio.to_thread(_outlive, children))

    def _look(self) -> list[str]:
        """At a copy, so that the daemon itself finds what the kill left."""
        if not self._record.exists():
            return []
        copy = copied(self._record, self._copies)
        rows = rows_of(copy)
        found = checked(copy) + lost(self._before, rows)
        self._before = rows
        return found

    async def _view(self, url: str) -> None:
        try:
            async with connect(url.replace("http", "ws", 1) + "ws", proxy=None, max_size=None) as viewer:
                async for _ in viewer:
                    self._seen += 1
        except (OSError, WebSocketException):
            return  # killed


def _outlive(children: set[int]) -> set[int]:
    """Those that are still there after the time that they have."""
    deadline = time.monotonic() + ORPHANS_GONE_WITHIN_S
    while (left := {pid for pid in children if _lives(pid)}) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _spread(values: list[float]) -> dict[str, float] | None:
    if not values:
        return None
    return {"median": round(float(np.median(values)), 2), "most": round(max(values), 2)}


if __name__ == "__main__":
    asyncio.run(main())
