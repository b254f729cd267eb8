"""State directories of earlier versions, as those versions left them, under today's daemon; and of a later one."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ccmusicd.publish.reader import RecordReader
from ccmusicd.publish.record import Record
from ccmusicd.publish.schema import SCHEMA_VERSION

LEFT = Path(__file__).parent / "publish/records"
OLDER = range(1, SCHEMA_VERSION)
HOPS = {1: [], 2: [17, 15], 3: [28, 4]}
"""In each block of the record of each version: version 1 kept none."""

Start = Callable[..., Any]
Wait = Callable[..., None]


def left_by(version: int, state: Path) -> Path:
    """The record in the state directory that a daemon of that version left."""
    state.mkdir()
    file = state / "timeline.sqlite"
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA journal_mode = wal")  # as every version had it
    connection.executescript((LEFT / f"version_{version}.sql").read_text())
    connection.close()
    return file


def asked(file: Path, statement: str) -> list[Any]:
    connection = sqlite3.connect(file)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def dumped(file: Path) -> list[str]:
    """All that it holds, as SQL."""
    connection = sqlite3.connect(file)
    try:
        return list(connection.iterdump())
    finally:
        connection.close()


ROWS = "SELECT station, start_us, end_us, kind, genre, probability, titles, open FROM segments ORDER BY start_us"


@pytest.mark.parametrize("version", OLDER)
def test_a_record_that_an_earlier_version_left_is_upgraded_with_every_row(version: int, tmp_path: Path) -> None:
    file = left_by(version, tmp_path / "state")
    before = asked(file, ROWS)
    assert [row[3] for row in before] == ["speech", "silence", "speech"]
    record = Record(f"sqlite:///{file}")
    record.open()
    record.close()
    assert asked(file, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert asked(file, "PRAGMA integrity_check") == [("ok",)]
    assert asked(file, ROWS) == before
    with RecordReader(f"sqlite:///{file}") as reader:
        blocks = list(reader.hops("input"))
        assert list(reader.clock_steps("input")) == []
    assert [len(block) for block in blocks] == HOPS[version]


def test_an_upgraded_record_has_the_columns_of_a_new_one(tmp_path: Path) -> None:
    new = Record(f"sqlite:///{tmp_path / 'new.sqlite'}")
    new.open()
    new.close()
    tables = asked(tmp_path / "new.sqlite", "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
    for version in OLDER:
        file = left_by(version, tmp_path / f"state{version}")
        record = Record(f"sqlite:///{file}")
        record.open()
        record.close()
        assert asked(file, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name") == tables
        for (table,) in tables:
            columns = f"PRAGMA table_info({table})"
            assert {row[1:] for row in asked(file, columns)} == {
                row[1:] for row in asked(tmp_path / "new.sqlite", columns)
            }, table


def test_the_daemon_opens_the_oldest_state_directory_and_records_on(
    daemon: Start, wait_until: Wait, tmp_path: Path
) -> None:
    file = left_by(OLDER[0], tmp_path / "state")
    before = asked(file, ROWS)
    of_later = {"version": 99, "active": [{"kind": "something"}]}
    (tmp_path / "state/notices.json").write_text(json.dumps(of_later))
    running = daemon("--input", "demo", CCMUSIC_DEAD_AIR__AFTER_S="30")
    wait_until(lambda: len(asked(file, ROWS)) > len(before) + 1, 120, "a row of today")
    assert running.terminate() == 0, running.err
    after = asked(file, ROWS)
    assert after[: len(before)] == before
    assert after[len(before)][3] == "down"
    assert asked(file, "PRAGMA user_version") == [(SCHEMA_VERSION,)]
    (told,) = [line for line in running.err if "notices.json" in line]
    assert "its version is 99, expected 1" in told
    assert not any("Traceback" in line for line in running.err)


def test_the_state_directory_of_a_later_version_is_refused_with_a_sentence_and_left_alone(
    daemon: Start, tmp_path: Path
) -> None:
    file = left_by(OLDER[-1], tmp_path / "state")
    connection = sqlite3.connect(file)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    before = dumped(file)
    running = daemon("--input", "demo")
    assert running.wait(120) == 78
    said = "".join(running.err)
    expected = f"has schema version {SCHEMA_VERSION + 1}, written by a newer ccmusicd; this one knows {SCHEMA_VERSION}"
    assert expected in said
    assert str(file) in said
    assert "Traceback" not in said
    assert dumped(file) == before
    assert asked(file, "PRAGMA user_version") == [(SCHEMA_VERSION + 1,)]
