"""A day of a station with everything that can befall its clock: the record adds up to the wall clock exactly."""

import random
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from ccmusic_stream.segments import Change, Segment, SegmentTracker
from ccmusicd.events import HopEvent, SegmentChange, SegmentEvent
from ccmusicd.publish.hops import HopCollector
from ccmusicd.publish.reader import RecordReader
from ccmusicd.publish.record import Record

BERLIN = ZoneInfo("Europe/Berlin")
SECOND_US = 1_000_000
HOUR_US = 3600 * SECOND_US


def us(day: datetime) -> int:
    return round(day.timestamp()) * SECOND_US


class Life:
    """A station that tells the record what is on air, by a clock that others set."""

    def __init__(self, url: str, now_us: int) -> None:
        self.url, self.now_us, self.latest_us = url, now_us, now_us
        self.begin()

    def begin(self) -> None:
        """The daemon starts."""
        self.record = Record(self.url)
        self.record.open()
        self.record.recover(["main"], self.now_us)
        self.tracker = SegmentTracker(self.now_us)
        self.collector = HopCollector("starter")
        self.tell("new", self.tracker.current)

    def tell(self, change: SegmentChange, segment: Segment) -> None:
        fields = {"kind": segment.kind, "genre": segment.genre, "note": segment.note}
        self.record.write([SegmentEvent("main", change, segment.start_us, segment.end_us, **fields)], [])  # type: ignore[arg-type]

    def passes(self, length_us: int) -> None:
        self.now_us += length_us
        self.tracker.reach(self.now_us)
        self.latest_us = max(self.latest_us, self.now_us)
        self.tell("update", self.tracker.current)

    def changes(self, kind: str, genre: str | None, ago_us: int) -> None:
        ended = self.tracker.enter(kind, genre, Change(self.now_us - ago_us, 0.0))  # type: ignore[arg-type]
        if ended is not None:
            self.tell("end", ended)
        self.tell("new", self.tracker.current)

    def steps(self, by_us: int) -> None:
        self.now_us += by_us
        self.tracker.clock_stepped()

    def dies(self, away_us: int, *, tidily: bool) -> None:
        """Stopped or killed, and started again after a while."""
        if tidily:
            self.tell("end", self.tracker.current)
        self.record.close()
        self.now_us += away_us
        self.latest_us = max(self.latest_us, self.now_us)
        self.begin()


@pytest.mark.parametrize(
    ("first", "last", "hours"),
    [
        (datetime(2026, 10, 25, tzinfo=BERLIN), datetime(2026, 10, 26, tzinfo=BERLIN), 25),
        (datetime(2026, 3, 29, tzinfo=BERLIN), datetime(2026, 3, 30, tzinfo=BERLIN), 23),
    ],
)
def test_a_day_of_a_changed_clock_adds_up(record_url: str, first: datetime, last: datetime, hours: int) -> None:
    """Restarts, kills, lost sound, back-dated changes, a clock set by seconds and hours, and daylight saving time."""
    generator = random.Random(hours)  # noqa: S311 - an invented day, not a secret
    start_us = us(first) - HOUR_US
    life = Life(record_url, start_us)
    while life.now_us < us(last) + HOUR_US:
        life.passes(generator.randrange(1, 1800 * SECOND_US))
        what = generator.choice(["music", "music", "speech", "silence", "no_signal", "stop", "kill", "step", "hour"])
        if what == "step":
            life.steps(generator.randrange(-5 * SECOND_US, 5 * SECOND_US))
        elif what == "hour":
            life.steps(generator.choice([-HOUR_US, HOUR_US]))
        elif what in {"stop", "kill"}:
            life.dies(generator.randrange(900 * SECOND_US), tidily=what == "stop")
        else:
            genre = generator.choice(["rock", "jazz"]) if what == "music" else None
            life.changes(what, genre, generator.randrange(10 * SECOND_US))
    life.passes(SECOND_US)
    life.dies(0, tidily=True)
    life.record.close()
    with RecordReader(record_url) as reader:
        rows = list(reader.segments("main"))
        day = list(reader.segments("main", us(first), us(last)))
    assert len(rows) > 30
    assert all(before.end_us == after.start_us for before, after in pairwise(rows))
    assert all(row.end_us > row.start_us for row in rows)
    # The latest the clock ever said, since what it said twice is told once; to the microsecond.
    assert (rows[0].start_us, rows[-1].end_us) == (start_us, life.latest_us)
    assert sum(row.end_us - row.start_us for row in rows) == life.latest_us - start_us
    parts = (min(row.end_us, us(last)) - max(row.start_us, us(first)) for row in day)
    assert sum(parts) == hours * HOUR_US


def test_hops_of_a_clock_set_back_over_a_restart_are_told_once(
    record_url: str, make_hop: Callable[..., HopEvent]
) -> None:
    record = Record(record_url)
    record.open()
    for begin, left_out in ((1, 0), (100, 0), (90, 1), (200, 0)):
        collector = HopCollector("starter")
        for seq in range(begin, begin + 20):
            assert collector.add(make_hop(seq=seq, time_us=seq * SECOND_US), 0.0) is None
        blocks = collector.take()
        assert record.write_hops(blocks) == left_out
        assert record.write_hops(blocks) == len(blocks)  # once more, as at a stop: nothing changes
    record.close()
    with RecordReader(record_url) as reader:
        times = [int(time) // SECOND_US for block in reader.hops("main") for time in block.time_us]
        assert times == [*range(1, 21), *range(100, 120), *range(200, 220)]
        cut = [block.time_us // SECOND_US for block in reader.hops("main", 15 * SECOND_US, 102 * SECOND_US)]
        assert [list(part) for part in cut] == [[15, 16, 17, 18, 19, 20], [100, 101]]
        assert list(reader.hops("web")) == []
