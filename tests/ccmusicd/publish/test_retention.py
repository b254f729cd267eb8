"""What the record deletes, and when: hops before the disk is full, the oldest first, and no segment unasked."""

from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from ccmusicd.events import ClockStepEvent, HopEvent, SegmentEvent, TitleEvent
from ccmusicd.hub import Hub
from ccmusicd.publish import timeline as timeline_module
from ccmusicd.publish.hops import Layout, PackedHops, pack
from ccmusicd.publish.reader import RecordReader
from ccmusicd.publish.record import Record
from ccmusicd.publish.retention import Retention
from ccmusicd.publish.timeline import Timeline

NOON_US = 1_769_860_800_000_000
MINUTE_US = 60_000_000
DAY_US = 86_400_000_000

Usage = namedtuple("Usage", "total used free")  # noqa: PYI024 - as `shutil` gives it


@pytest.fixture
def record(record_url: str) -> Iterator[Record]:
    record = Record(record_url)
    record.open()
    yield record
    record.close()


def minutes(count: int, station: str = "main", first: int = 0) -> list[PackedHops]:
    """Blocks of noise, about 5 kB each."""
    generator = np.random.default_rng(first)
    layout = Layout("starter", tuple(f"genre{n}" for n in range(13)), tuple(f"model{n}" for n in range(5)))
    blocks = []
    for minute in range(first, first + count):
        times = NOON_US + minute * MINUTE_US + np.arange(60) * 998_458
        rows = generator.integers(0, 200, (60, layout.rows - 4)).astype(np.uint8)
        rows[:, 0] = 1
        blocks.append(PackedHops(station, layout, int(times[0]), int(times[-1]), pack(times, rows)))
    return blocks


def starts(url: str, station: str = "main") -> list[int]:
    """The minutes that are there."""
    with RecordReader(url) as reader:
        return [int((block.time_us[0] - NOON_US) // MINUTE_US) for block in reader.hops(station)]


def test_without_limits_nothing_goes(record: Record, record_url: str) -> None:
    record.write_hops(minutes(3))
    assert record.pruner(Retention()).prune(["main"], NOON_US + 9_999 * DAY_US) == 0
    assert starts(record_url) == [0, 1, 2]


def test_hops_go_by_age_and_segments_stay(
    record: Record, record_url: str, make_segment: Callable[..., SegmentEvent]
) -> None:
    record.write([make_segment("end", 0, 60)], [])
    record.write_hops(minutes(210))
    gone = record.pruner(Retention(keep_days=1)).prune(["main"], NOON_US + DAY_US + 205 * MINUTE_US)
    assert gone == 205
    assert starts(record_url) == list(range(205, 210))
    assert len(record.segments()) == 1


def test_segments_titles_and_clock_steps_go_only_where_that_is_asked(
    record: Record, make_segment: Callable[..., SegmentEvent], make_title: Callable[..., TitleEvent]
) -> None:
    steps = [ClockStepEvent("main", NOON_US + second * 1_000_000, second) for second in (1, 70)]
    segments = [make_segment("end", 0, 60), make_segment("end", 60, 120)]
    record.write(segments, [make_title("old", 1), make_title("", 70)], steps)
    record.pruner(Retention(keep_days=1)).prune(["main"], NOON_US + DAY_US + 61_000_000)
    assert (len(record.segments()), len(record.titles("main")), len(record.clock_steps("main"))) == (2, 2, 2)
    record.pruner(Retention(keep_segments_days=1)).prune(["main"], NOON_US + DAY_US + 61_000_000)
    assert [row.start_us - NOON_US for row in record.segments()] == [60_000_000]
    assert [title for _, title in record.titles("main")] == [""]
    assert [step_s for _, step_s in record.clock_steps("main")] == [70]


def test_the_oldest_hops_go_when_there_are_too_many(record: Record, record_url: str) -> None:
    record.write_hops(minutes(500))
    retention = Retention(keep_megabytes=1)
    gone = record.pruner(retention).prune(["main"], NOON_US)
    assert 200 <= gone <= 400
    assert starts(record_url) == list(range(gone, 500))
    assert record.pruner(retention).prune(["main"], NOON_US) == 0


def test_a_file_gives_back_what_the_reserve_asks_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "timeline.db"
    record = Record(f"sqlite:///{file}")
    record.open()
    record.write_hops(minutes(600))
    record.close()
    whole = file.stat().st_size
    record.open()

    def usage(_folder: Path) -> Usage:
        return Usage(0, 0, whole // 2 + 3_000_000 - file.stat().st_size)

    monkeypatch.setattr("ccmusicd.publish.retention.shutil.disk_usage", usage)
    pruner = record.pruner(Retention(disk_reserve_megabytes=3))
    assert pruner.disk_is_low()
    assert pruner.prune(["main"], NOON_US) in {200, 400}
    assert not pruner.disk_is_low()
    assert file.stat().st_size <= whole // 2
    record.close()


def test_pages_of_what_is_gone_are_used_again(tmp_path: Path) -> None:
    """With a limit in megabytes a file does not grow for ever."""
    file = tmp_path / "timeline.db"
    record = Record(f"sqlite:///{file}")
    record.open()
    pruner = record.pruner(Retention(keep_megabytes=2))
    for first in range(0, 1_000, 200):
        record.write_hops(minutes(200, first=first))
        pruner.prune(["main"], NOON_US)
    record.close()
    assert file.stat().st_size < 4_000_000


def test_a_server_keeps_the_hops_of_other_daemons(postgres_url: str) -> None:
    record = Record(postgres_url)
    record.open()
    record.write_hops([*minutes(3), *minutes(3, "elsewhere")])
    assert record.pruner(Retention(keep_days=1)).prune(["main"], NOON_US + 9 * DAY_US) == 3
    record.close()
    assert starts(postgres_url, "elsewhere") == [0, 1, 2]


async def test_below_the_reserve_segments_are_written_and_hops_are_not(
    hub: Hub,
    tmp_path: Path,
    make_segment: Callable[..., SegmentEvent],
    make_hop: Callable[..., HopEvent],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    free = 1_000_000
    monkeypatch.setattr(timeline_module, "_PRUNE_EVERY_S", 0.0)
    monkeypatch.setattr("ccmusicd.publish.retention.shutil.disk_usage", lambda _folder: Usage(0, 0, free))
    url = f"sqlite:///{tmp_path / 'timeline.db'}"
    timeline = Timeline(hub, url, Retention(disk_reserve_megabytes=20))
    timeline.start(NOON_US)
    hub.publish(make_segment("end", 0, 60))
    hub.publish(make_hop(seq=1))
    hub.publish(make_hop(seq=100))
    await timeline.stop()
    assert timeline.state.startswith("degraded: less than 20 MB of the disk are free")
    assert timeline.dropped_blocks == 2
    with RecordReader(url) as reader:
        assert (reader.count(), list(reader.hops("main"))) == (1, [])
    free = 30_000_000
    timeline = Timeline(hub, url, Retention(disk_reserve_megabytes=20))
    hub.publish(make_hop(seq=200))
    await timeline.stop()
    assert timeline.state == "ok"
    assert starts(url) == [3]
