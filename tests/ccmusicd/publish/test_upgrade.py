"""Records of earlier versions: brought up to today's, all or nothing, with every row they hold."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from ccmusicd.events import ClockStepEvent, HopEvent
from ccmusicd.publish import backend
from ccmusicd.publish.errors import RecordError
from ccmusicd.publish.hops import HopCollector
from ccmusicd.publish.reader import RecordReader
from ccmusicd.publish.record import Record
from ccmusicd.publish.schema import SCHEMA_VERSION

NOON_US = 1_769_860_800_000_000
TODAY = {"segments", "titles", "clock_steps", "layouts", "hops"}

# As version 1 wrote it; {id} is the database's way to number rows.
VERSION_1 = """
CREATE TABLE segments (
    id {id} NOT NULL, station TEXT NOT NULL, start_us BIGINT NOT NULL, end_us BIGINT NOT NULL, kind TEXT NOT NULL,
    genre TEXT, note TEXT, probability FLOAT, probability_min FLOAT, agreement FLOAT, divergence FLOAT,
    titles TEXT NOT NULL, trained BOOLEAN NOT NULL, open BOOLEAN NOT NULL, PRIMARY KEY (id), UNIQUE (station, start_us)
);
CREATE INDEX segments_start ON segments (start_us);
CREATE TABLE titles (
    id {id} NOT NULL, station TEXT NOT NULL, time_us BIGINT NOT NULL, title TEXT NOT NULL,
    PRIMARY KEY (id), UNIQUE (station, time_us)
);
INSERT INTO segments (station, start_us, end_us, kind, genre, probability, titles, trained, open) VALUES
    ('main', 1769860800000000, 1769860860000000, 'music', 'rock', 0.8, '["A song"]', true, false),
    ('main', 1769860860000000, 1769860870000000, 'speech', 'speech', 0.7, '[]', true, true);
INSERT INTO titles (station, time_us, title) VALUES ('main', 1769860801000000, 'A song')
"""

KILLED_IN_THE_MIDDLE = """
import os, signal, sys
from ccmusicd.publish import backend
from ccmusicd.publish.record import Record

backend.write_version = lambda connection, version: os.kill(os.getpid(), signal.SIGKILL)
Record(sys.argv[1]).open()
"""


@pytest.fixture
def old_url(record_url: str) -> str:
    """A record of version 1."""
    place = backend.place_of(record_url)
    # SQLite by its own module: as the old program made the file, which could not shrink.
    if place.file is not None:
        connection = sqlite3.connect(place.file)
        connection.executescript(f"{VERSION_1.format(id='INTEGER')}; PRAGMA user_version = 1")
        connection.close()
        return record_url
    engine = backend.make_engine(place)
    with engine.begin() as server:
        for statement in VERSION_1.format(id="SERIAL").split(";"):
            server.exec_driver_sql(statement)
        backend.write_version(server, 1)
    engine.dispose()
    return record_url


def found(url: str) -> tuple[int, set[str], int]:
    """Version, tables and number of segments, as another program sees them."""
    engine = backend.make_engine(backend.place_of(url))
    with engine.connect() as connection:
        version = backend.read_version(connection)
        tables = set(sa.inspect(connection).get_table_names())
        count = connection.exec_driver_sql("SELECT count(*) FROM segments").scalar_one()
    engine.dispose()
    return version, tables - {"record_version"}, count


def test_a_record_of_version_1_is_upgraded_with_all_it_holds(old_url: str, make_hop: Callable[..., HopEvent]) -> None:
    record = Record(old_url)
    record.open()
    record.recover(["main"], NOON_US + 100_000_000)
    assert [(row.kind, row.titles, row.open) for row in record.segments()] == [
        ("music", ("A song",), False),
        ("speech", (), False),
        ("down", (), False),
    ]
    assert record.titles("main") == [(NOON_US + 1_000_000, "A song")]
    collector = HopCollector("starter")
    collector.add(make_hop(), 0.0)
    assert record.write_hops(collector.take()) == 0
    assert record.clock_steps("main") == []
    record.write([], [], [ClockStepEvent("main", NOON_US, 3600.0)])
    record.open()  # and nothing is done a second time
    record.close()
    assert found(old_url) == (SCHEMA_VERSION, TODAY, 3)
    with RecordReader(old_url) as reader:
        assert [len(block) for block in reader.hops("main")] == [1]
        assert list(reader.clock_steps("main")) == [(NOON_US, 3600.0)]


def test_a_reader_reads_a_record_of_version_1_and_leaves_it(old_url: str) -> None:
    with RecordReader(old_url) as reader:
        rows = list(reader.segments())
        assert [row.kind for row in rows] == ["music", "speech"]
        assert [(row.error_s, row.blend, row.models, row.level_dbfs) for row in rows] == [(None, None, {}, None)] * 2
        assert list(reader.hops("main")) == []
        assert list(reader.clock_steps("main")) == []
    assert found(old_url)[0] == 1


def test_a_new_record_is_of_todays_version(record_url: str) -> None:
    record = Record(record_url)
    record.open()
    record.close()
    assert found(record_url) == (SCHEMA_VERSION, TODAY, 0)


def test_kill_9_in_the_middle_of_an_upgrade_leaves_the_old_record(old_url: str) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_THE_MIDDLE, old_url], check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr
    assert found(old_url) == (1, {"segments", "titles"}, 2)
    record = Record(old_url)
    record.open()
    record.close()
    assert found(old_url)[0] == SCHEMA_VERSION


def test_kill_9_while_a_record_is_made_leaves_none(record_url: str) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED_IN_THE_MIDDLE, record_url], check=False, capture_output=True)
    assert killed.returncode == -9, killed.stderr
    record = Record(record_url)
    record.open()
    assert record.segments() == []
    record.close()


def test_a_newer_record_is_refused_and_left_alone(old_url: str) -> None:
    engine = backend.make_engine(backend.place_of(old_url))
    with engine.begin() as connection:
        backend.write_version(connection, SCHEMA_VERSION + 1)
    engine.dispose()
    refusal = f"has schema version {SCHEMA_VERSION + 1}, written by a newer ccmusicd; this one knows {SCHEMA_VERSION}$"
    record = Record(old_url)
    with pytest.raises(RecordError, match=refusal) as refused:
        record.open()
    record.close()
    assert refused.value.exit_code == 78
    with pytest.raises(RecordError, match=refusal):
        RecordReader(old_url)
    assert found(old_url) == (SCHEMA_VERSION + 1, {"segments", "titles"}, 2)


@pytest.mark.parametrize("mode", ["DELETE", "WAL"])
def test_a_newer_file_keeps_every_byte(tmp_path: Path, mode: str) -> None:
    file = tmp_path / "timeline.db"
    connection = sqlite3.connect(file)
    connection.executescript(
        f"PRAGMA journal_mode = {mode}; {VERSION_1.format(id='INTEGER')}; PRAGMA user_version = {SCHEMA_VERSION + 1}"
    )
    connection.close()
    before = file.read_bytes()
    record = Record(f"sqlite:///{file}")
    with pytest.raises(RecordError, match="written by a newer ccmusicd"):
        record.open()
    record.close()
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_an_upgraded_file_can_shrink(tmp_path: Path) -> None:
    file = tmp_path / "timeline.db"
    connection = sqlite3.connect(file)
    connection.executescript(f"{VERSION_1.format(id='INTEGER')}; PRAGMA user_version = 1")
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
    connection.close()
    record = Record(f"sqlite:///{file}")
    record.open()
    record.close()
    connection = sqlite3.connect(file)
    assert connection.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    connection.close()
