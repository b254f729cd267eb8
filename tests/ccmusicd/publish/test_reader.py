"""Reading the timeline beside its writer: nothing is made or changed, and every refusal is one sentence."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ccmusicd.events import SegmentEvent, TitleEvent
from ccmusicd.publish.errors import BusyRecordError, MissingRecordError, RecordError
from ccmusicd.publish.reader import RecordReader
from ccmusicd.publish.record import Record
from ccmusicd.publish.schema import SCHEMA_VERSION

NOON_US = 1_769_860_800_000_000
SECOND_US = 1_000_000

MakeSegment = Callable[..., SegmentEvent]
MakeTitle = Callable[..., TitleEvent]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "état #1" / "timeline.sqlite"


@pytest.fixture
def record(file: Path) -> Iterator[Record]:
    file.parent.mkdir()
    record = Record(f"sqlite:///{file}")
    record.open()
    yield record
    record.close()


def reader(file: Path) -> RecordReader:
    return RecordReader(f"sqlite:///{file}")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the index of the log, in which readers note how far they read."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith("-shm")}


def test_it_reads_what_an_open_writer_wrote_and_changes_nothing(
    file: Path, record: Record, make_segment: MakeSegment, make_title: MakeTitle
) -> None:
    record.write(
        [make_segment("end", 0, 60), make_segment("new", 60, 61, kind="speech"), make_segment("new", 0, 5, "web")],
        [make_title("first", 1), make_title("second", 70), make_title("other", 2, "web")],
    )
    before = contents(file.parent)
    with reader(file) as opened:
        assert opened.stations() == ["main", "web"]
        assert opened.count() == 3
        assert list(opened.segments()) == record.segments()
        assert list(opened.segments("main", NOON_US + 60 * SECOND_US)) == record.segments("main")[1:]
        assert opened.count("main", NOON_US + 60 * SECOND_US, NOON_US + 61 * SECOND_US) == 1
        assert list(opened.titles("main", NOON_US, NOON_US + 70 * SECOND_US)) == [(NOON_US + SECOND_US, "first")]
    assert contents(file.parent) == before


def test_it_sees_the_record_as_it_was_when_it_was_opened(file: Path, record: Record, make_segment: MakeSegment) -> None:
    record.write([make_segment("new", 0, 1)], [])
    with reader(file) as opened:
        record.write([make_segment("end", 0, 9), make_segment("new", 9, 10)], [])
        assert [row.end_us - NOON_US for row in opened.segments()] == [SECOND_US]
    with reader(file) as opened:
        assert opened.count() == 2


def test_beside_no_writer_no_file_appears(file: Path, record: Record, make_segment: MakeSegment) -> None:
    record.write([make_segment("end", 0, 60)], [])
    record.close()
    before = contents(file.parent)
    assert list(before) == [file.name]
    with reader(file) as opened:
        assert opened.count() == 1
        assert sorted(path.name for path in file.parent.iterdir()) == [file.name]
    assert contents(file.parent) == before


def test_what_a_killed_daemon_left_is_read_and_left_as_it_is(file: Path) -> None:
    file.parent.mkdir()
    program = f"""
import os
from ccmusicd.events import SegmentEvent
from ccmusicd.publish.record import Record
record = Record("sqlite:///{file}")
record.open()
record.write([SegmentEvent("main", "new", 0, 5, "speech")], [])
os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    before = contents(file.parent)
    assert len(before) == 2
    with reader(file) as opened:
        assert [row.kind for row in opened.segments()] == ["speech"]
    assert contents(file.parent) == before


def test_a_daemon_that_begins_while_a_resting_file_is_read_is_noticed(
    file: Path, record: Record, make_segment: MakeSegment
) -> None:
    record.write([make_segment("end", 0, 60)], [])
    record.close()
    with reader(file) as opened:
        rows = opened.segments()
        assert next(rows).kind == "music"
        record.write([make_segment("end", 60, 70)], [])
        record.close()  # which folds the log into the file
        with pytest.raises(BusyRecordError, match="was changed while it was read"):
            next(rows)


def test_rows_come_one_by_one(file: Path, record: Record, make_segment: MakeSegment) -> None:
    record.write([make_segment("end", second, second + 1) for second in range(2_000)], [])
    with reader(file) as opened:
        rows = opened.segments("main")
        assert next(rows).start_us == NOON_US
        assert sum(1 for _ in rows) == 1_999


def test_no_look_up_is_sorted_first(file: Path, record: Record, make_segment: MakeSegment) -> None:
    """A sort would hold the whole record."""
    record.write([make_segment()], [])
    with sqlite3.connect(file) as connection:
        query = (
            "SELECT * FROM segments WHERE station = 'main' AND end_us > 1 AND start_us < 9 ORDER BY station, start_us"
        )
        plan = " ".join(str(row) for row in connection.execute(f"EXPLAIN QUERY PLAN {query}"))
    connection.close()
    assert "TEMP B-TREE" not in str(plan)


def test_a_missing_file_is_told_and_not_made(file: Path) -> None:
    with pytest.raises(MissingRecordError, match=r"there is no timeline .*timeline\.sqlite: has a daemon run") as told:
        reader(file)
    assert told.value.exit_code == 66
    assert not file.parent.exists()


def test_a_folder_is_no_timeline(tmp_path: Path) -> None:
    with pytest.raises(MissingRecordError, match="cannot be read: it is no file"):
        reader(tmp_path)


@pytest.mark.parametrize("content", [b"this is a text file, and not a short one\n" * 100, b"\x89PNG" + bytes(5000)])
def test_a_file_that_is_no_database_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "timeline.sqlite"
    file.write_bytes(content)
    with pytest.raises(RecordError, match="is not a usable database") as told:
        reader(file)
    assert told.value.exit_code == 78
    assert contents(tmp_path) == {file.name: content}


def test_a_damaged_database_is_told_where_it_is_met(file: Path, record: Record, make_segment: MakeSegment) -> None:
    record.write([make_segment("end", second, second + 1) for second in range(2_000)], [])
    record.close()
    content = bytearray(file.read_bytes())
    content[8192:] = b"\xff" * (len(content) - 8192)
    file.write_bytes(content)
    with pytest.raises(RecordError, match="is not a usable database"), reader(file) as opened:
        list(opened.segments())


@pytest.mark.parametrize("statement", ["", "CREATE TABLE segments (a)"])
def test_another_programs_database_is_refused(tmp_path: Path, statement: str) -> None:
    file = tmp_path / "timeline.sqlite"
    connection = sqlite3.connect(file)
    connection.execute(statement)
    connection.close()
    file.touch()
    with pytest.raises(RecordError, match="holds no timeline"):
        reader(file)


def test_a_newer_schema_is_refused(file: Path, record: Record) -> None:
    with sqlite3.connect(file) as connection:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(RecordError, match=f"has schema version {SCHEMA_VERSION + 1}, written by a newer ccmusicd"):
        reader(file)
    assert record.segments() == []


def test_a_row_of_another_program_is_told(file: Path, record: Record, make_segment: MakeSegment) -> None:
    record.write([make_segment()], [])
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE segments SET titles = 'no json'")
    connection.close()
    with pytest.raises(RecordError, match="holds a row that ccmusicd did not write"), reader(file) as opened:
        list(opened.segments())


def test_another_user_may_read_beside_the_daemon_but_not_what_is_closed_to_him(
    file: Path, record: Record, make_segment: MakeSegment
) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can become another user")
    record.write([make_segment()], [])
    for folder in (file.parent, *file.parent.parents):
        if folder.owner() == "root" and folder.is_relative_to("/tmp") and folder != Path("/tmp"):
            folder.chmod(0o755)
    program = f"""
import os
from ccmusicd.publish.errors import MissingRecordError
from ccmusicd.publish.reader import RecordReader
os.setuid(65534)
try:
    with RecordReader("sqlite:///{file}") as opened:
        print(opened.count())
except MissingRecordError as error:
    print(error)
"""

    def told() -> str:
        return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert told() == "1\n"
    file.chmod(0o600)
    assert told() == f"the timeline {file} cannot be read: Permission denied\n"
