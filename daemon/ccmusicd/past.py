"""A station's past in steps, for a screen: what `/api/v1/rolling` gives out. Blocking, and bounded by its range."""

import json
from collections import deque
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC

from ccmusicd.events import WIRE_VERSION
from ccmusicd.events import iso as wire_iso
from ccmusicd.excerpts import Excerpt
from ccmusicd.export.errors import ExportError
from ccmusicd.export.times import iso, moment
from ccmusicd.publish.hops import HopBlock, PackedHops, unpack
from ccmusicd.publish.reader import RecordReader
from ccmusicd.steps import Grid, Steps

PARAMETERS = ("station", "from", "to", "steps")
MOST_STEPS = 1440
MOST_TITLES = 500
MOST_CLOCK_STEPS = 500
LONGEST_US = 8 * 86_400_000_000
"""A day of hops takes about a second to read; nobody can make the daemon read a year at once."""

_USUAL_FROM = "-10m"
_USUAL_STEPS = "300"


@contextmanager
def past(
    url: str, asked: Mapping[str, str], *, names: Collection[str], now_us: int, unwritten: list[PackedHops | HopBlock]
) -> Iterator[Excerpt]:
    """What is asked of the record at `url`, and of what is not yet in it; to be entered and left in one thread.

    `asked` has any of `PARAMETERS`; `names` are the stations of now, `now_us` UTC microseconds. `unwritten` are the
    newest hops of all stations as they were before the record was opened: what has come into it since counts once.

    Raises:
        ExportError: a parameter makes no sense.
        RecordError: the record cannot be read.
    """
    unknown = next((name for name in asked if name not in PARAMETERS), None)
    if unknown is not None:
        raise ExportError(f"unknown parameter {unknown[:80]!r}; known are {', '.join(PARAMETERS)}")
    to_us = moment(asked.get("to", "now"), UTC, now_us)
    grid = _grid(moment(asked.get("from", _USUAL_FROM), UTC, now_us), to_us, asked.get("steps", _USUAL_STEPS))
    with RecordReader(url) as reader:
        station = _station(asked.get("station"), list(dict.fromkeys([*reader.stations(), *names])))
        steps = Steps(grid)
        for block in reader.hops(station, grid.first_us, to_us):
            steps.add(block)
        for waiting in unwritten:
            if waiting.station == station:
                block = unpack(waiting) if isinstance(waiting, PackedHops) else waiting
                steps.add(block.between(grid.first_us, to_us))
        titles = deque(reader.titles(station, grid.first_us, to_us), maxlen=MOST_TITLES)
        clock_steps = deque(reader.clock_steps(station, grid.first_us, to_us), maxlen=MOST_CLOCK_STEPS)
        answer = {
            "version": WIRE_VERSION,
            "station": station,
            "start": wire_iso(grid.first_us),
            "end": wire_iso(to_us),
            "step_s": grid.width_us / 1_000_000,
            "newest": None if steps.newest_us is None else wire_iso(steps.newest_us),
            **steps.to_wire(),
            "titles": [{"time": wire_iso(time_us), "title": title} for time_us, title in titles],
            "clock_steps": [{"time": wire_iso(time_us), "step_s": round(step_s, 3)} for time_us, step_s in clock_steps],
        }
        yield Excerpt("application/json", "rolling.json", iter([json.dumps(answer, ensure_ascii=False)]))


def _grid(from_us: int, to_us: int, steps: str) -> Grid:
    if not steps.isascii() or not steps.isdigit() or not 1 <= int(steps[:9]) <= MOST_STEPS:
        raise ExportError(f"{steps[:80]!r} is no number of steps; there are 1 to {MOST_STEPS}")
    if from_us >= to_us:
        raise ExportError(f"the range ends ({iso(to_us, UTC)}) before it begins ({iso(from_us, UTC)})")
    if to_us - from_us > LONGEST_US:
        raise ExportError(f"the range is longer than {LONGEST_US // 86_400_000_000} days, the most at a time")
    return Grid.over(from_us, to_us, int(steps))


def _station(asked: str | None, known: list[str]) -> str:
    if asked is None and len(known) == 1:
        return known[0]
    if asked not in known or asked is None:
        what = "choose a station" if asked is None else f"unknown station {asked[:80]!r}"
        raise ExportError(f"{what}; known are {', '.join(known)}")
    return asked
