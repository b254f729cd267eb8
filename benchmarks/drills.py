"""Drills: a real daemon between real parts is hurt in many ways, and what it cost is printed beside what was promised.

For each fault: the seconds until it was made good, the seconds until the next hop, samples and rows that were lost,
what subscribers saw meanwhile, and lies: hops and segments that name a genre of a time without signal. Ends with 1
where a goal was missed.

    python benchmarks/drills.py [--json] [--only NAME …] [-- any arguments of ccmusicd run]
"""

import argparse
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from drill_faults import DRILLS, Drill, Moments
from drill_stand import CARD, RATE, STREAM, DrillError, Stand, Told, standing, wait_until, wall_s
from rich.console import Console
from rich.table import Table

CLOCK_ERROR_S = 0.5
"""How far the time of a hop may be from the wall clock's: a server's buffer, the blocks of a sound card."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one drill found; `lies` is None where there was a signal all the time, `error` says why it did not end."""

    fault: str
    goal_s: float | None
    back_s: float | None = None
    hop_s: float | None = None
    samples_lost: int | None = None
    rows_lost: int | None = None
    websocket: str = ""
    mqtt: str = ""
    lies: int | None = None
    note: str = ""
    error: str = ""

    @property
    def good(self) -> bool:
        """Whether every goal was kept."""
        in_time = self.goal_s is None or (self.back_s is not None and self.back_s <= self.goal_s)
        return not self.error and in_time and not self.rows_lost and (self.lies or 0) <= 1


def main() -> None:
    """Drill, print, and tell by the exit status whether every goal was kept."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--json", action="store_true")
    arguments.add_argument("--only", nargs="*", help="those whose name contains one of these words")
    arguments.add_argument("run", nargs="*", help="arguments of ccmusicd run")
    options = arguments.parse_args()
    chosen = [drill for drill in DRILLS if not options.only or any(word in drill.name for word in options.only)]
    if not chosen:
        arguments.error(
            f"no drill is called like {', '.join(options.only)}; there are {', '.join(d.name for d in DRILLS)}"
        )
    findings = []
    try:
        with tempfile.TemporaryDirectory(prefix="drill") as folder, standing(Path(folder), options.run) as stand:
            for drill in chosen:
                findings.append(_drill(stand, drill))
                print(f"{drill.name}: {_line(findings[-1])}", file=sys.stderr, flush=True)
    except DrillError as error:
        raise SystemExit(f"drills: {error}") from None
    load = round(os.getloadavg()[0], 1)
    if options.json:
        drills = [{**asdict(finding), "good": finding.good} for finding in findings]
        print(json.dumps({"benchmark": "drills", "load_average": load, "drills": drills}, indent=2))
    else:
        _print(findings, load)
    raise SystemExit(0 if all(finding.good for finding in findings) else 1)


def _drill(stand: Stand, drill: Drill) -> Finding:
    try:
        stand.settle()
        life, lost_before, rows_before = stand.lives, _samples_lost(stand), stand.rows()
        moments = drill.run(stand)
        hop = _next_hop(stand.viewer.told, moments)
        time.sleep(2.5)  # a status, and a commit of the record
        rows_after = stand.rows()
        down = _down(rows_after) - _down(rows_before)
        dropped = stand.metric('ccmusic_record_dropped_total{what="segments"}')
        return Finding(
            fault=drill.name,
            goal_s=drill.goal_s,
            back_s=round(moments.back - moments.mended, 2),
            hop_s=round(hop.at - moments.mended, 2),
            samples_lost=_samples_lost(stand) - lost_before * (life == stand.lives) + down,
            rows_lost=_rows_lost(rows_before, rows_after) + round(dropped),
            websocket=_course(stand.viewer.told, moments, hop.at),
            mqtt=_course_of_mqtt(stand.subscriber.told, moments, hop.at),
            lies=_lies(stand.viewer.told, moments),
            note=moments.note,
        )
    except DrillError as error:
        return Finding(drill.name, drill.goal_s, error=str(error))


def _next_hop(told: list[Told], moments: Moments) -> Told:
    """The first hop of the station whose votes came after it was made good."""

    def found() -> Told | None:
        station = moments.station
        hops = (one for one in list(told) if one.topic == "hop" and one.content["station"] == station)
        return next((one for one in hops if one.at > moments.back), None)

    hop: Told = wait_until(found, 300, "a hop")
    return hop


def _samples_lost(stand: Stand) -> int:
    """Gaps of both stations so far, as their daemon counts them."""
    return sum(int(stand.metric(f'ccmusic_lost_samples_total{{station="{name}"}}')) for name in (CARD, STREAM))


def _down(rows: Sequence[tuple[str, int, int, str]]) -> int:
    """Samples in the time of which there was no daemon."""
    return sum(round((end - start) / 1e6 * RATE) for _, start, end, kind in rows if kind == "down")


def _rows_lost(before: Sequence[tuple[str, int, int, str]], after: Sequence[tuple[str, int, int, str]]) -> int:
    """Rows of before whose time is no longer told, and holes."""
    reach = {station: end for station, _, end, _ in after}
    begins = {(station, start) for station, start, _, _ in after}
    gone = sum((station, start) not in begins or end > reach[station] for station, start, end, _ in before)
    holes = sum(one[0] == two[0] and one[2] != two[1] for one, two in itertools.pairwise(after))
    return gone + holes


def _lies(told: Sequence[Told], moments: Moments) -> int | None:
    """Hops, and updates of segments, that name a genre of a time in which nothing was heard."""
    if moments.silent_until is None:
        return None
    offset = time.time() - time.monotonic()
    times = {"hop": "time", "segment": "end"}
    named = [one for one in told if one.topic in times and one.content["genre"] is not None]
    of_when = [
        wall_s(one.content[times[one.topic]]) - offset for one in named if one.content["station"] == moments.station
    ]
    return sum(moments.fault + CLOCK_ERROR_S < moment < moments.silent_until for moment in of_when)


def _course(told: Sequence[Told], moments: Moments, until: float) -> str:
    """What the viewer saw of the station from the fault on: states, and ends of connections, with their seconds."""
    seen = []
    for one in told:
        if moments.fault < one.at <= until:
            if one.topic == "closed":
                seen.append((one.at, f"closed {one.content or 'without a word'}"))
            elif one.topic in {"hop", "status"} and one.content["station"] == moments.station:
                seen.append((one.at, one.content["state"]))
    return _changes(seen, moments.fault)


def _course_of_mqtt(told: Sequence[Told], moments: Moments, until: float) -> str:
    """The same of the broker's subscriber: the node's word, the station's, and its genre."""
    words = {"status": "node", f"{moments.station}/status": "station", f"{moments.station}/genre": "genre"}
    within = [one for one in told if moments.fault < one.at <= until and one.topic in words]
    return _changes([(one.at, f"{words[one.topic]} {one.content}") for one in within], moments.fault)


def _changes(seen: Sequence[tuple[float, str]], since: float) -> str:
    told, last = [], ""
    for at, what in seen:
        if what != last:
            told.append(f"{what} {at - since:+.1f}")
        last = what
    return ", ".join(told) or "no change"


def _line(finding: Finding) -> str:
    return finding.error or f"made good in {finding.back_s} s, a hop in {finding.hop_s} s"


def _print(findings: Sequence[Finding], load: float) -> None:
    table = Table(title=f"Drills (load average {load}); goals in brackets; rows lost 0, lies at most 1 hop")
    for column in (
        "fault",
        "made good, s",
        "next hop, s",
        "samples lost",
        "rows lost",
        "lies",
        "viewer saw",
        "MQTT saw",
        "",
    ):
        table.add_column(column, overflow="fold")
    for one in findings:
        goal = "" if one.goal_s is None else f" ({one.goal_s:g})"
        cells = (f"{one.back_s}{goal}", one.hop_s, one.samples_lost, one.rows_lost, one.lies, one.websocket, one.mqtt)
        words = [one.fault, *("–" if cell is None else str(cell) for cell in cells), one.error or one.note]
        table.add_row(*words, style=None if one.good else "red")
    Console(width=None if sys.stdout.isatty() else 200).print(table)


if __name__ == "__main__":
    main()
