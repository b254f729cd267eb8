"""A daemon under all burdens at once: hops dropped, the event loop's lag, what viewers missed and the record lost.

Many viewers of whom some stop reading, floods of connections, requests that never end, a broker that stalls and goes on
again and again, and a disk that is full for a while. The daemon is a real one whose votes are invented, two hops a
second (`--networks`: the real ones, as fast as they are), its state on a tmpfs of its own (which needs root). The lag
is what its own /metrics count. Prints one JSON object.

    python benchmarks/load.py [--minutes 10] [--viewers 1000] [--stopped 50] [--connections 200] [--halves 10]
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fanout_viewers import watch
from killed_record import checked, faults, rows_of
from load_strangers import bother
from mosquitto import Mosquitto
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from ccmusicd.publish.loop_lag import EVERY_S

STALL_EVERY_S = 60.0
STALL_LASTS_S = 30.0
FULL_FROM, FULL_TO = 0.3, 0.6
"""Shares of the time between which the disk is full."""

DISK_MEGABYTES = 64
LOOK_EVERY_S = 1.0
READY_WITHIN_S = 180.0
WRITES_AGAIN_WITHIN_S = 30.0
STOPS_WITHIN_S = 30.0
LAG = "ccmusic_event_loop_lag_seconds_bucket"

_HERE = Path(__file__).parent
_CONFIG = """
[daemon]
listen = "127.0.0.1:0"
state_dir = {state}
[analyzer]
models = {models}
[web]
max_clients = {clients}
[mqtt]
url = {broker}
[timeline]
disk_reserve_megabytes = 0
[stations.live]
input = {source}
raw_rate = 22050
raw_channels = 1
raw_format = "s16le"
"""
_spawned = multiprocessing.get_context("spawn")


def main() -> None:
    """Burden, look and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--viewers", type=int, default=1000)
    parser.add_argument("--stopped", type=int, default=50)
    parser.add_argument("--connections", type=float, default=200.0, help="short ones a second")
    parser.add_argument("--halves", type=float, default=10.0, help="requests a second that never end")
    parser.add_argument("--networks", action="store_true", help="with the analyzer child")
    parser.add_argument("--models", default="light", help="names or presets, separated by commas")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as name, _tmpfs(Path(name) / "state") as state:
        with Mosquitto(Path(name)) as broker, _daemon(options, Path(name), state, broker) as url:
            result = _burden(options, url, state, broker)
        result["record"]["rows"] = len(rows_of(state / "timeline.sqlite"))
        result["record"]["faults"] = faults(rows_of(state / "timeline.sqlite"), ["live"]) + checked(
            state / "timeline.sqlite"
        )
    print(json.dumps(result, indent=2))


def _burden(options: argparse.Namespace, url: str, state: Path, broker: Mosquitto) -> dict[str, Any]:
    port = int(url.rstrip("/").rpartition(":")[2])
    viewers = _start(watch, port, options.viewers, options.stopped)
    viewers.recv()  # all are connected
    strangers = _start(bother, port, options.connections, options.halves)
    idle = _start(_sleep_lightly)
    before, states = _metrics(url), set[str]()
    seconds = 60 * options.minutes
    began = time.monotonic()
    ballast = _Ballast(state)
    stopped = False
    while (passed := time.monotonic() - began) < seconds:
        if not stopped and passed > seconds / 10:
            stopped = True
            viewers.send("stop")
        broker.stall(stalled=passed % STALL_EVERY_S > STALL_EVERY_S - STALL_LASTS_S)
        ballast.lies(FULL_FROM <= passed / seconds < FULL_TO)
        states.add(_health(url)["timeline"].partition(":")[0])
        time.sleep(LOOK_EVERY_S)
    after = _metrics(url)
    broker.stall(stalled=False)
    ballast.lies(False)
    idle.send("end")
    strangers.send("end")
    told = strangers.recv()
    viewers.send("end")
    heard = viewers.recv()
    return {
        "benchmark": "load",
        "minutes": options.minutes,
        "networks": options.networks,
        "load_average": [round(load, 2) for load in os.getloadavg()],
        "hops": _grown("ccmusic_hops_total", before, after),
        "hops_dropped": _grown("ccmusic_hops_dropped_total", before, after),
        "event_loop_lag_ms": _quantiles(before, after),
        "lag_of_an_idle_process_ms": idle.recv(),
        "viewers": {
            "connected": options.viewers,
            "stopped": options.stopped,
            "stopped_cut": len(heard["cut_after_s"]),
            "cut_after_s_most": round(max(heard["cut_after_s"], default=0.0), 1),
            "hops_missed_by_the_others": heard["lost_between"],
            "events_dropped": _grown("ccmusic_websocket_events_dropped_total", before, after),
        },
        "strangers": told,
        "record": {"states": sorted(states), "lost": _grown("ccmusic_record_dropped_total", before, after),
                   "writes_again": _writes_again(url)},
    }  # fmt: skip


def _sleep_lightly(control: Connection) -> None:
    """What the machine itself keeps a process waiting that has nothing to do: for comparison."""
    lags = []
    while not control.poll():
        began = time.monotonic()
        time.sleep(EVERY_S)
        lags.append(time.monotonic() - began - EVERY_S)
    control.send({f"p{100 * share:g}": round(1e3 * _quantile(lags, share), 2) for share in (0.5, 0.99, 0.999)})


def _quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


class _Ballast:
    """A file that takes all that is left of a disk, or is not there."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "ballast"

    def lies(self, there: bool) -> None:
        """Fill the disk, also what was freed meanwhile, or let go of it."""
        if not there:
            self._file.unlink(missing_ok=True)
            return
        with contextlib.suppress(OSError), self._file.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))


def _start(work: Any, *arguments: Any) -> Connection:
    ours, theirs = _spawned.Pipe()
    _spawned.Process(target=work, args=(theirs, *arguments), daemon=True).start()
    return ours


@contextlib.contextmanager
def _tmpfs(folder: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        raise SystemExit("a disk that is full needs a tmpfs of its own, which only root can mount")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MEGABYTES}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@contextlib.contextmanager
def _daemon(options: argparse.Namespace, folder: Path, state: Path, broker: Mosquitto) -> Iterator[str]:
    config = folder / "ccmusicd.toml"
    words = {
        "state": str(state),
        "models": options.models.split(","),
        "clients": 2 * options.viewers,
        "broker": broker.url,
        "source": f"exec:{sys.executable} -I {_HERE / 'noise_source.py'}",
    }
    config.write_text(_CONFIG.format(**{name: json.dumps(word) for name, word in words.items()}))
    program = ["-m", "ccmusicd"] if options.networks else [str(_HERE / "invented_daemon.py")]
    environment = os.environ | {"INVENTED_HOP_COLUMNS": "21"}
    process = subprocess.Popen(
        [sys.executable, *program, "run", "--config", str(config)], stdout=subprocess.PIPE, env=environment
    )
    try:
        assert process.stdout is not None  # noqa: S101 - it was asked for as a pipe
        url = process.stdout.readline().decode().split()[1]
        deadline = time.monotonic() + READY_WITHIN_S
        while _health(url)["analyzer"] != "running":
            if time.monotonic() > deadline:
                raise SystemExit("the daemon's analyzer does not run")
            time.sleep(0.2)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            sys.stderr.write(f"the daemon did not stop within {STOPS_WITHIN_S:g} s\n")
            process.kill()
            process.wait()


def _health(url: str) -> dict[str, str]:
    try:
        with urllib.request.urlopen(f"{url}healthz", timeout=30) as answer:  # noqa: S310 - the daemon's own address
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        with contextlib.suppress(ValueError):  # 503 with its reason, or because there are too many connections
            return dict(json.load(error))
    except OSError:  # it did not answer in time
        pass
    return {"timeline": "not told", "analyzer": "not told"}


def _metrics(url: str) -> Mapping[tuple[str, str], float]:
    """Each sample by its name and the values of its labels."""
    while True:
        try:
            with urllib.request.urlopen(f"{url}metrics", timeout=30) as answer:  # noqa: S310 - the daemon's own
                families = text_string_to_metric_families(answer.read().decode())
            return {(one.name, ",".join(one.labels.values())): one.value for one in _samples(families)}
        except OSError:  # too many connections, or too many questions, or no time to answer
            time.sleep(0.5)


def _samples(families: Iterable[Metric]) -> Iterator[Sample]:
    return (sample for family in families for sample in family.samples)


def _grown(name: str, before: Mapping[tuple[str, str], float], after: Mapping[tuple[str, str], float]) -> int:
    return int(sum(value - before.get(key, 0.0) for key, value in after.items() if key[0] == name))


def _quantiles(before: Mapping[tuple[str, str], float], after: Mapping[tuple[str, str], float]) -> dict[str, float]:
    """Quantiles of the lag between two looks, between the ends of its buckets, in milliseconds."""
    grown = {float(key[1]): value - before.get(key, 0.0) for key, value in after.items() if key[0] == LAG}
    ends = sorted(grown)
    total = grown[ends[-1]]
    found = {}
    for share in (0.5, 0.99, 0.999):
        place = next(number for number, end in enumerate(ends) if grown[end] >= share * total)
        low, below = (ends[place - 1], grown[ends[place - 1]]) if place else (0.0, 0.0)
        high = ends[place] if place < len(ends) - 1 else ends[-2]
        within = (share * total - below) / max(grown[ends[place]] - below, 1e-9)
        found[f"p{share * 100:g}"] = round(1e3 * (low + (high - low) * within), 2)
    return found | {"moments": int(total)}


def _writes_again(url: str) -> bool:
    deadline = time.monotonic() + WRITES_AGAIN_WITHIN_S
    while _health(url)["timeline"] != "ok":
        if time.monotonic() > deadline:
            return False
        time.sleep(0.5)
    return True


if __name__ == "__main__":
    main()
