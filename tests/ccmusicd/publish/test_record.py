"""The timeline's database: what it accepts, and that no second is lost or counted twice."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
import sqlalchemy as sa

from ccmusic_stream.blend import Blend
from ccmusicd.events import ClockStepEvent, SegmentEvent, TitleEvent
from ccmusicd.publish.backend import write_version
from ccmusicd.publish.errors import RecordError
from ccmusicd.publish.record import Record
from ccmusicd.publish.rows import SegmentRow
from ccmusicd.publish.schema import SCHEMA_VERSION

NOON_US = 1_769_860_800_000_000
SECOND_US = 1_000_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "timeline.db"


@pytest.fixture
def record(record_url: str) -> Iterator[Record]:
    record = Record(record_url)
    record.open()
    yield record
    record.close()


def shape(rows: list[SegmentRow]) -> list[tuple[float, float, str, bool]]:
    """Start and end in seconds after noon, kind, and whether it still grows."""
    return [
        ((row.start_us - NOON_US) / SECOND_US, (row.end_us - NOON_US) / SECOND_US, row.kind, row.open) for row in rows
    ]


def test_what_is_written_is_read(record: Record, make_segment: Callable[..., SegmentEvent]) -> None:
    blend = Blend("jazz", NOON_US - 2 * SECOND_US, NOON_US + 2 * SECOND_US)
    more = {"error_s": 0.25, "blend": blend, "models": {"vgg19_bn_cqt": "folk"}, "level_dbfs": -18.5}
    event = make_segment("end", 0, 60, titles=("古典", "A song"), note="why", **more)
    record.write([event], [])
    (row,) = record.segments()
    for name in (*more, "station", "start_us", "end_us", "kind", "genre", "note", "probability", "probability_min"):
        assert getattr(row, name) == getattr(event, name)
    assert (row.agreement, row.divergence, row.titles, row.trained, row.open) == (1.0, 0.01, event.titles, True, False)


def test_an_update_changes_its_row_and_no_other(record: Record, make_segment: Callable[..., SegmentEvent]) -> None:
    record.write([make_segment("new", 0, 1)], [])
    record.write([make_segment("update", 0, 5)], [])
    record.write([make_segment("end", 0, 9), make_segment("new", 9, 10, kind="speech")], [])
    assert shape(record.segments()) == [(0, 9, "music", False), (9, 10, "speech", True)]


def test_a_back_dated_end_makes_room_for_its_successor(
    record: Record, make_segment: Callable[..., SegmentEvent]
) -> None:
    record.write([make_segment("update", 0, 100)], [])
    record.write([make_segment("end", 0, 94), make_segment("new", 94, 101, genre="jazz")], [])
    assert shape(record.segments()) == [(0, 94, "music", False), (94, 101, "music", True)]


def test_a_segment_that_back_dating_left_nothing_of_is_taken_out(
    record: Record, make_segment: Callable[..., SegmentEvent]
) -> None:
    record.write([make_segment("end", 0, 10), make_segment("new", 10, 12, kind="speech")], [])
    record.write([make_segment("end", 10, 10, kind="speech"), make_segment("new", 10, 13)], [])
    assert shape(record.segments()) == [(0, 10, "music", False), (10, 13, "music", True)]


def test_segments_never_overlap(
    record: Record, make_segment: Callable[..., SegmentEvent], caplog: pytest.LogCaptureFixture
) -> None:
    record.write([make_segment("end", 0, 10)], [])
    record.write([make_segment("new", 7, 9, kind="speech")], [])
    assert shape(record.segments()) == [(0, 10, "music", False)]
    record.write([make_segment("update", 7, 12, kind="speech")], [])
    record.write([make_segment("end", 7, 15, kind="speech")], [])
    assert shape(record.segments()) == [(0, 10, "music", False), (10, 15, "speech", False)]
    assert caplog.text.count("inside the one before") == 1


def test_writing_the_same_again_changes_nothing(
    record: Record, make_segment: Callable[..., SegmentEvent], caplog: pytest.LogCaptureFixture
) -> None:
    """A write whose end nobody saw (its waiter was cancelled) is repeated at the stop."""
    history = [make_segment("end", 0, 9), make_segment("end", 9, 12, kind="speech"), make_segment("new", 12, 15)]
    record.write(history, [])
    record.write(history, [])
    assert shape(record.segments()) == [(0, 9, "music", False), (9, 12, "speech", False), (12, 15, "music", True)]
    assert not caplog.text


def test_a_hole_is_recorded_as_down(record: Record, make_segment: Callable[..., SegmentEvent]) -> None:
    record.write([make_segment("update", 0, 10)], [])
    record.write([make_segment("new", 15, 16)], [])
    assert shape(record.segments()) == [(0, 10, "music", False), (10, 15, "down", False), (15, 16, "music", True)]


def test_stations_do_not_touch_each_other(record: Record, make_segment: Callable[..., SegmentEvent]) -> None:
    record.write([make_segment("new", 0, 5), make_segment("new", 2, 7, "web"), make_segment("update", 0, 6)], [])
    assert shape(record.segments("main")) == [(0, 6, "music", True)]
    assert shape(record.segments("web")) == [(2, 7, "music", True)]


def test_recovery_closes_the_open_and_fills_up_to_now(
    record: Record, make_segment: Callable[..., SegmentEvent]
) -> None:
    record.write([make_segment("update", 0, 30), make_segment("update", 0, 40, "gone")], [])
    record.recover(["main", "web"], NOON_US + 50 * SECOND_US)
    assert shape(record.segments("main")) == [(0, 30, "music", False), (30, 50, "down", False)]
    assert record.segments("web") == []  # it never was on air: there is nothing to go on from
    # No longer configured, nobody owes its time; on a server it may be another daemon's, who still writes it.
    assert shape(record.segments("gone")) == [(0, 40, "music", record.place.file is None)]
    record.recover(["main"], NOON_US + 60 * SECOND_US)
    record.write([make_segment("new", 63, 64)], [])
    assert shape(record.segments("main"))[1:] == [(30, 63, "down", False), (63, 64, "music", True)]


def test_recovery_with_a_clock_that_went_back_changes_nothing(
    record: Record, make_segment: Callable[..., SegmentEvent]
) -> None:
    record.write([make_segment("end", 0, 3600)], [])
    record.recover(["main"], NOON_US)
    assert shape(record.segments("main")) == [(0, 3600, "music", False)]


def test_segments_are_found_by_station_and_time(record: Record, make_segment: Callable[..., SegmentEvent]) -> None:
    record.write([make_segment("end", start, start + 10) for start in range(0, 50, 10)], [])
    found = record.segments("main", NOON_US + 15 * SECOND_US, NOON_US + 30 * SECOND_US)
    assert [start for start, *_ in shape(found)] == [10, 20]
    assert record.segments("web") == []


def test_clock_steps_are_kept_once_and_in_the_order_in_which_they_came(record: Record) -> None:
    steps = [ClockStepEvent("main", NOON_US + 3600 * SECOND_US, 3600.25), ClockStepEvent("main", NOON_US, -3600.0)]
    record.write([], [], steps)
    record.write([], [], steps)
    record.write([], [], [ClockStepEvent("web", NOON_US, -3600.0)])
    assert record.clock_steps("main") == [(NOON_US + 3600 * SECOND_US, 3600.25), (NOON_US, -3600.0)]
    assert record.clock_steps("web") == [(NOON_US, -3600.0)]


def test_titles_are_kept_once(record: Record, make_title: Callable[..., TitleEvent]) -> None:
    titles = [make_title("first", 1), make_title("second", 2)]
    record.write([], titles)
    record.write([], titles)
    assert record.titles("main") == [(NOON_US + SECOND_US, "first"), (NOON_US + 2 * SECOND_US, "second")]


def test_any_history_adds_up_to_the_wall_clock(record_url: str, make_segment: Callable[..., SegmentEvent]) -> None:
    """Starts, growth, back-dated changes, lost events, crashes and restarts in any order: no hole, no overlap."""
    generator = random.Random(20260131)  # noqa: S311 - an invented history, not a secret
    now, start = 0.0, 0.0
    record = Record(record_url)
    record.open()
    for _ in range(400):
        step = generator.choice(["grow", "grow", "change", "crash", "lose"])
        now += generator.randrange(1, 60)
        if step == "grow":
            record.write([make_segment("update", start, now)], [])
        elif step == "change":
            boundary = max(start, now - generator.randrange(15))
            record.write([make_segment("end", start, boundary), make_segment("new", boundary, now)], [])
            start = boundary
        elif step == "crash":
            record.close()
            record = Record(record_url)
            record.open()
            record.recover(["main"], NOON_US + round(now * SECOND_US))
            start = now + generator.random()
        else:
            start = now
    record.write([make_segment("end", start, now + 60)], [])
    rows = record.segments("main")
    record.close()
    assert len(rows) > 50
    assert all(row.end_us > row.start_us for row in rows)
    assert all(before.end_us == after.start_us for before, after in pairwise(rows))
    assert sum(row.end_us - row.start_us for row in rows) == NOON_US + round((now + 60) * SECOND_US) - rows[0].start_us
    assert not any(row.open for row in rows)


@pytest.mark.parametrize("content", [b"this is a text file, and not a short one\n" * 100, b"\x89PNG" + bytes(5000)])
def test_a_file_that_is_no_database_is_refused_and_left_alone(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    record = Record(f"sqlite:///{file}")
    with pytest.raises(RecordError, match=r"timeline\.db is not a usable database"):
        record.open()
    record.close()
    assert file.read_bytes() == content


def test_a_newer_schema_is_refused(record: Record) -> None:
    with record._engine.begin() as connection:
        write_version(connection, SCHEMA_VERSION + 1)
    with pytest.raises(RecordError, match=f"has schema version {SCHEMA_VERSION + 1}, written by a newer ccmusicd"):
        record.open()


def test_an_old_file_opens_again(record: Record, make_segment: Callable[..., SegmentEvent]) -> None:
    record.write([make_segment("end", 0, 10)], [])
    record.close()
    record.open()
    assert len(record.segments()) == 1


@pytest.mark.parametrize(
    "url",
    ["", "nonsense", "mysql://u:secret@host/db", "sqlite://", "sqlite:///", "postgresql+psycopg2://u:secret@host/db"],
)
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(RecordError, match="must be sqlite:///FILE") as refused:
        Record(url)
    assert "secret" not in str(refused.value)


def test_the_database_is_in_wal_mode(file: Path) -> None:
    record = Record(f"sqlite:///{file}")
    record.open()
    record.close()
    with sqlite3.connect(file) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_a_locked_database_is_no_refusal(
    file: Path, make_segment: Callable[..., SegmentEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be free again later: the caller keeps what it has."""
    monkeypatch.setattr("ccmusicd.publish.backend._BUSY_TIMEOUT_MS", 1)
    record = Record(f"sqlite:///{file}")
    record.open()
    other = sqlite3.connect(file)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(sa.exc.OperationalError, match="locked"):
        record.write([make_segment()], [])
    other.rollback()
    other.close()
    record.write([make_segment()], [])
    assert len(record.segments()) == 1
    record.close()
