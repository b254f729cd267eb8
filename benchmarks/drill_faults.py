"""The faults of the drills: each is inflicted on a stand, mended where it must be, and waited for until all is well."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from drill_stand import CARD, STREAM, WATCHDOG_S, DrillError, Stand, Told, wait_until, wall_s

CHILD_GOAL_S = 10.0
DAEMON_GOAL_S = 5.0
DOWN_S = 5.0
"""For how long a part outside the daemon stays away."""

STALLED_VIEWER = """
import json, sys
from websockets.sync.client import connect
topics = ["hop", "segment", "title", "status", "level", "spectrogram"]
with connect(sys.argv[1], proxy=None, max_queue=1) as client:
    client.send(json.dumps({"type": "subscribe", "topics": topics}))
    client.recv()
    print("connected", flush=True)
    while True:
        client.recv()
"""


@dataclass(frozen=True, slots=True)
class Moments:
    """When it happened, in monotonic seconds.

    `fault`; `mended`: from when on the daemon could do something about it; `back`: when it had. `station` is the one to
    look at. `silent_until`: until when there truly was no signal; None where there was one all the time.
    """

    fault: float
    mended: float
    back: float
    station: str = STREAM
    silent_until: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Drill:
    """A fault with the time that it may take to be back after it is mended, None where none is promised."""

    name: str
    goal_s: float | None
    run: Callable[[Stand], Moments]


def capture(number: signal.Signals, station: str) -> Callable[[Stand], Moments]:
    """The process that listens is killed or stopped: nothing is heard until there is another."""

    def run(stand: Stand) -> Moments:
        restarts = stand.status(station)["source"]["restarts"]
        fault = _signal(stand.capture(station), number)
        back = _told(stand, fault, station, lambda status: _runs_again(status, restarts), "a new capture")
        return Moments(fault, fault, back.at, station, back.at)

    return run


def analyzer(number: signal.Signals) -> Callable[[Stand], Moments]:
    """The process with the networks is killed or stopped."""

    def run(stand: Stand) -> Moments:
        restarts = stand.status(STREAM)["analyzer"]["restarts"]
        fault = _signal(stand.analyzer(), number)

        def runs(status: dict[str, dict[str, object]]) -> bool:
            return status["analyzer"]["restarts"] != restarts and status["analyzer"]["state"] == "running"

        return Moments(fault, fault, _told(stand, fault, STREAM, runs, "a new analyzer").at)

    return run


def source_drops(stand: Stand) -> Moments:
    """What feeds the stream is killed, and another begins."""
    restarts = stand.status(STREAM)["source"]["restarts"]
    fault = time.monotonic()
    stand.feeder.kill()
    silent = _told(stand, fault, STREAM, _is_silent, "no signal")
    time.sleep(DOWN_S)
    stand.feeder = stand.icecast.feed(STREAM)
    mended = time.monotonic()
    back = _told(stand, silent.at, STREAM, lambda status: _runs_again(status, restarts), "the stream")
    return Moments(fault, mended, back.at, STREAM, mended, f"no signal after {silent.at - fault:.1f} s")


def sound_server_killed(stand: Stand) -> Moments:
    """PulseAudio is killed, and started again."""

    def mend() -> None:
        stand.pulse.start()
        stand.pulse.feed(440)

    return _sound_server(stand, stand.pulse.kill, mend)


def sound_server_frozen(stand: Stand) -> Moments:
    """PulseAudio is stopped in its tracks, and goes on."""
    return _sound_server(stand, stand.pulse.freeze, stand.pulse.thaw)


def _sound_server(stand: Stand, inflict: Callable[[], None], mend: Callable[[], None]) -> Moments:
    restarts = stand.status(CARD)["source"]["restarts"]
    fault = time.monotonic()
    inflict()
    silent = _told(stand, fault, CARD, _is_silent, "no signal")
    time.sleep(DOWN_S)
    mend()
    mended = time.monotonic()
    back = _told(stand, mended, CARD, lambda status: _runs_again(status, restarts), "the sound card")
    return Moments(fault, mended, back.at, CARD, mended, f"no signal after {silent.at - fault:.1f} s")


def broker_killed(stand: Stand) -> Moments:
    """Mosquitto, which remembers nothing, is killed and started again."""
    fault = time.monotonic()
    stand.broker.kill()
    time.sleep(DOWN_S)
    stand.broker.start()
    mended = time.monotonic()
    back = _heard(stand, mended, lambda told: told.topic == "status" and told.content == "online", "online")
    return Moments(fault, mended, back.at)


def broker_frozen(stand: Stand) -> Moments:
    """Mosquitto is stopped in its tracks, longer than a publication may take, and goes on."""
    fault = time.monotonic()
    stand.broker.signal(signal.SIGSTOP)
    time.sleep(2 * DOWN_S)
    stand.broker.signal(signal.SIGCONT)
    mended = time.monotonic()
    wait_until(lambda: _part(stand, "mqtt") == "online", 60, "MQTT online")
    newest_s = time.time()  # what the broker and the kernel kept meanwhile comes first, and is old

    def is_new(told: Told) -> bool:
        return told.topic == f"{STREAM}/probs" and wall_s(json.loads(told.content)["time"]) > newest_s

    back = _heard(stand, mended, is_new, "a new hop on MQTT")
    return Moments(fault, mended, back.at)


def disk_full(stand: Stand) -> Moments:
    """The disk of the record is filled to its last byte, and emptied."""
    if not stand.small_disk:
        raise DrillError("only root may mount the small tmpfs that this needs")
    ballast = stand.state / "ballast"
    fault = time.monotonic()
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass
    wait_until(lambda: _part(stand, "timeline").startswith("degraded"), 60, "the timeline's word that it cannot write")
    degraded_s = time.monotonic() - fault
    time.sleep(DOWN_S)
    ballast.unlink()
    mended = time.monotonic()
    wait_until(lambda: _part(stand, "timeline") == "ok", 60, "the timeline")
    return Moments(fault, mended, time.monotonic(), note=f"degraded after {degraded_s:.1f} s")


def viewer_stopped(stand: Stand) -> Moments:
    """A viewer of everything is stopped in its tracks: it is cut, and nobody else notices."""
    before = (stand.daemon.get("/healthz") or {})["clients_cut"]
    url = f"{stand.daemon.address.replace('http', 'ws')}/ws"
    stalled = subprocess.Popen([sys.executable, "-c", STALLED_VIEWER, url], stdout=subprocess.PIPE)
    try:
        assert stalled.stdout is not None  # noqa: S101 - it was asked for as a pipe
        stalled.stdout.readline()
        rss = _rss_mib(stand.daemon.process.pid)
        fault = _signal(stalled.pid, signal.SIGSTOP)
        wait_until(lambda: (stand.daemon.get("/healthz") or {}).get("clients_cut", before) > before, 120, "the cut")
        back, grown = time.monotonic(), _rss_mib(stand.daemon.process.pid) - rss
    finally:
        stalled.kill()
        stalled.communicate()
    return Moments(fault, fault, back, note=f"cut; memory {grown:+.1f} MiB")


def daemon_killed(stand: Stand) -> Moments:
    """Kill -9; the supervisor starts another."""
    fault = _signal(stand.daemon.process.pid, signal.SIGKILL)
    stand.daemon.process.wait()
    stand.restart()
    back = _seen(stand, fault, lambda told: told.topic == "hello", "the daemon on the WebSocket")
    return Moments(fault, fault, back.at, note="serves again; RestartSec=2 is in it")


def daemon_frozen(stand: Stand) -> Moments:
    """The daemon is stopped in its tracks; its watchdog, which hears nothing any more, kills it."""
    fault = _signal(stand.daemon.process.pid, signal.SIGSTOP)
    wait_until(lambda: time.monotonic() - stand.supervisor.fed_at > WATCHDOG_S, 60, "the watchdog's end of patience")
    killed = _signal(stand.daemon.process.pid, signal.SIGKILL)
    stand.daemon.process.wait()
    stand.restart()
    back = _seen(stand, killed, lambda told: told.topic == "hello", "the daemon on the WebSocket")
    return Moments(
        fault, killed, back.at, note=f"killed after {killed - fault:.1f} s by a watchdog of {WATCHDOG_S:g} s"
    )


def sigterm(stand: Stand) -> Moments:
    """It is told to stop, three times over."""
    fault = time.monotonic()
    for _ in range(3):
        stand.daemon.process.send_signal(signal.SIGTERM)
    status = stand.daemon.process.wait(60)
    back = time.monotonic()
    if any(row[1] >= row[2] for row in stand.rows()):
        raise DrillError("a segment is left without an end")
    stand.restart()
    return Moments(fault, fault, back, note=f"exit status {status}")


DRILLS = (
    Drill("capture kill -9", CHILD_GOAL_S, capture(signal.SIGKILL, STREAM)),
    Drill("capture SIGSTOP", CHILD_GOAL_S, capture(signal.SIGSTOP, CARD)),
    Drill("analyzer kill -9", CHILD_GOAL_S, analyzer(signal.SIGKILL)),
    Drill("analyzer SIGSTOP", CHILD_GOAL_S, analyzer(signal.SIGSTOP)),
    Drill("source drops", CHILD_GOAL_S, source_drops),
    Drill("sound server kill -9", CHILD_GOAL_S, sound_server_killed),
    Drill("sound server SIGSTOP", CHILD_GOAL_S, sound_server_frozen),
    Drill("broker kill -9", None, broker_killed),
    Drill("broker SIGSTOP", None, broker_frozen),
    Drill("disk full", None, disk_full),
    Drill("WebSocket client stopped", None, viewer_stopped),
    Drill("daemon kill -9", DAEMON_GOAL_S, daemon_killed),
    Drill("daemon frozen", DAEMON_GOAL_S, daemon_frozen),
    Drill("SIGTERM", DAEMON_GOAL_S, sigterm),
)


def _signal(pid: int, number: signal.Signals) -> float:
    """Send it; gives the moment."""
    os.kill(pid, number)
    return time.monotonic()


def _part(stand: Stand, name: str) -> str:
    """What `/healthz` says of a part; "" while it is not served."""
    return str((stand.daemon.get("/healthz") or {}).get(name, ""))


def _is_silent(status: dict[str, object]) -> bool:
    return status["state"] == "no_signal"


def _runs_again(status: dict[str, dict[str, object]], restarts: int) -> bool:
    return status["source"]["state"] == "running" and status["source"]["restarts"] != restarts


def _told(stand: Stand, since: float, station: str, is_so: Callable[..., bool], what: str) -> Told:
    """The first status of a station since a moment of which it is so."""

    def fits(told: Told) -> bool:
        return told.topic == "status" and told.content["station"] == station and is_so(told.content)

    return _seen(stand, since, fits, what)


def _seen(stand: Stand, since: float, fits: Callable[[Told], bool], what: str) -> Told:
    return _first(stand.viewer.told, since, fits, what)


def _heard(stand: Stand, since: float, fits: Callable[[Told], bool], what: str) -> Told:
    return _first(stand.subscriber.told, since, fits, what)


def _first(log: list[Told], since: float, fits: Callable[[Told], bool], what: str) -> Told:
    found: Told = wait_until(
        lambda: next((told for told in list(log) if told.at > since and fits(told)), None), 180, what
    )
    return found


def _rss_mib(pid: int) -> float:
    with pathlib.Path(f"/proc/{pid}/statm").open(encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
