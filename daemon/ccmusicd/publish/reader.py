"""Reads the timeline's database beside a daemon that writes it, and changes nothing. Blocking."""

import contextlib
import errno
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import sqlalchemy as sa

from ccmusicd.publish.errors import BusyRecordError, MissingRecordError, RecordError
from ccmusicd.publish.rows import SegmentRow
from ccmusicd.publish.schema import check_record, check_version, row_of, segments, select_segments, titles, touching

_ROWS_AT_ONCE = 500
_BUSY_TIMEOUT_S = 1.5
_WRONG = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_LATER = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_PRIMARY_CODE = 0xFF


class RecordReader:
    """The database at `url` (sqlite:///FILE) as it is when this is made, whatever is written meanwhile.

    A context manager; for one thread. Rows come one by one, so that memory does not grow with the record.

    Beside a writer its log (`FILE-wal`) and the index of that (`FILE-shm`) are used as they are. Without a log nobody
    has the file open, and it is read as one that cannot change, since SQLite would make both for a reader, too. Only
    where there is a log without its index, as in a careless copy, SQLite makes the index anew.

    Raises, at any time:
        MissingRecordError: there is no such file, or it cannot be read.
        BusyRecordError: it is locked, or changed in a way that the reader could not be kept out of.
        RecordError: it is no timeline, or a newer program's.
    """

    def __init__(self, url: str) -> None:
        self._file = check_record(url)
        self._before = _identity(self._file)
        self._alone = not any(Path(self._file + end).exists() for end in ("-wal", "-journal"))
        mode = "mode=ro&immutable=1" if self._alone else "mode=ro"
        address = f"file:{quote(str(Path(self._file).absolute()))}?{mode}"
        self._engine = sa.create_engine(
            "sqlite://",
            poolclass=sa.pool.NullPool,
            creator=lambda: sqlite3.connect(address, uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT_S),
        )
        with contextlib.ExitStack() as stack, self._told():
            self._connection = stack.enter_context(self._engine.connect())
            self._connection.exec_driver_sql("BEGIN")  # one snapshot for all that is asked
            version = self._connection.exec_driver_sql("PRAGMA user_version").scalar_one()
            check_version(version, self._file)
            tables = set(self._connection.exec_driver_sql("SELECT name FROM sqlite_master").scalars())
            if not {segments.name, titles.name} <= tables:
                raise RecordError(f"{self._file} is a database, but holds no timeline")
            stack.pop_all()

    def stations(self) -> list[str]:
        """Every station of which there is a record, by name."""
        with self._told():
            query = sa.select(segments.c.station).distinct().order_by(segments.c.station)
            return list(self._connection.execute(query).scalars())

    def count(self, station: str | None = None, from_us: int | None = None, to_us: int | None = None) -> int:
        """How many segments touch [from_us, to_us), in UTC microseconds; None is no limit."""
        with self._told():
            query = sa.select(sa.func.count()).select_from(segments).where(*touching(station, from_us, to_us))
            return int(self._connection.execute(query).scalar_one())

    def segments(
        self, station: str | None = None, from_us: int | None = None, to_us: int | None = None
    ) -> Iterator[SegmentRow]:
        """The segments that touch [from_us, to_us), in UTC microseconds, by station and start; None is no limit."""
        # Station by station: the index gives each in order, and nothing need be sorted first.
        for one in self.stations() if station is None else [station]:
            with self._told():
                query = select_segments(one, from_us, to_us).execution_options(yield_per=_ROWS_AT_ONCE)
                for row in self._connection.execute(query):
                    yield row_of(row)
        self._check_unchanged()

    def titles(self, station: str, from_us: int, to_us: int) -> Iterator[tuple[int, str]]:
        """What a station's source named within [from_us, to_us): (UTC microseconds, title), oldest first."""
        query = sa.select(titles.c.time_us, titles.c.title).order_by(titles.c.time_us)
        query = query.where(titles.c.station == station, titles.c.time_us >= from_us, titles.c.time_us < to_us)
        with self._told():
            for row in self._connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
                yield row.time_us, row.title
        self._check_unchanged()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _check_unchanged(self) -> None:
        """A daemon that began meanwhile may have folded its log into what was read as unchanging."""
        if self._alone and _identity(self._file) != self._before:
            raise BusyRecordError(f"the timeline {self._file} was changed while it was read: once more, please")

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """The database's errors as sentences of ours."""
        try:
            yield
        except sa.exc.DatabaseError as error:
            code = getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY_CODE
            if code in _WRONG:
                self._check_unchanged()
                raise RecordError(f"the timeline {self._file} is not a usable database: {error.orig}") from None
            if code in _LATER:
                raise BusyRecordError(f"the timeline {self._file} cannot be read now: {error.orig}") from None
            raise MissingRecordError(f"the timeline {self._file} cannot be read: {error.orig}") from None
        except ValueError:
            # Titles that are not JSON: another program wrote here.
            raise RecordError(f"the timeline {self._file} holds a row that ccmusicd did not write") from None


def _identity(file: str) -> tuple[int, int, int]:
    """What changes when the file's content does. Raises `MissingRecordError` when it cannot be read.

    The file is not opened for this: closing it would drop the locks of a writer in the same process.
    """
    try:
        found = os.stat(file)  # noqa: PTH116 - the name as given
    except FileNotFoundError:
        raise MissingRecordError(f"there is no timeline {file}: has a daemon run with this state directory?") from None
    except OSError as error:
        raise MissingRecordError(f"the timeline {file} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(found.st_mode):
        raise MissingRecordError(f"the timeline {file} cannot be read: it is no file")
    if not os.access(file, os.R_OK):
        raise MissingRecordError(f"the timeline {file} cannot be read: {os.strerror(errno.EACCES)}")
    return found.st_ino, found.st_size, found.st_mtime_ns
