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

from ccmusicd.publish import backend
from ccmusicd.publish.errors import BusyRecordError, MissingRecordError, RecordError
from ccmusicd.publish.hops import HopBlock, Layout, PackedHops, unpack
from ccmusicd.publish.rows import SegmentRow
from ccmusicd.publish.schema import (
    check_version,
    clock_steps,
    hops,
    layouts,
    row_of,
    segments,
    select_segments,
    titles,
    touching,
)

_ROWS_AT_ONCE = 500
_BUSY_TIMEOUT_S = 1.5
_WRONG = {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}
_LATER = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_PRIMARY_CODE = 0xFF


class RecordReader:
    """The database at `url` as it is when this is made, whatever is written meanwhile: sqlite:///FILE or PostgreSQL's.

    A context manager; for one thread. Rows come one by one, so that memory does not grow with the record.

    Beside a writer SQLite's log (`FILE-wal`) and the index of that (`FILE-shm`) are used as they are. Without a log
    nobody has the file open, and it is read as one that cannot change, since SQLite would make both for a reader, too.
    Only where there is a log without its index, as in a careless copy, SQLite makes the index anew.

    Raises, at any time:
        MissingRecordError: there is no such file, or it cannot be read.
        BusyRecordError: it is locked, or changed in a way that the reader could not be kept out of; the server is away.
        RecordError: it is no timeline, or a newer program's.
    """

    def __init__(self, url: str) -> None:
        self._place = backend.place_of(url)
        self._alone, self._before = False, None
        self._engine: sa.Engine
        if self._place.file is None:
            engine = backend.make_engine(self._place)
            self._engine = engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        else:
            self._before = _identity(self._place.file)
            self._alone = not any(Path(self._place.file + end).exists() for end in ("-wal", "-journal"))
            self._engine = _sqlite_engine(self._place.file, unchanging=self._alone)
        with contextlib.ExitStack() as stack, self._told():
            stack.callback(self._engine.dispose)
            self._connection = stack.enter_context(self._engine.connect())
            if self._place.file is not None:
                self._connection.exec_driver_sql("BEGIN")  # one snapshot for all that is asked
            check_version(backend.read_version(self._connection), self._place.shown)
            schema = sa.inspect(self._connection)
            self._tables = set(schema.get_table_names())
            if not {segments.name, titles.name} <= self._tables:
                raise RecordError(f"{self._place.shown} is a database, but holds no timeline")
            self._stored = {column["name"] for column in schema.get_columns(segments.name)}
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
                query = select_segments(one, from_us, to_us, self._stored)
                for row in self._connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
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

    def clock_steps(
        self, station: str, from_us: int | None = None, to_us: int | None = None
    ) -> Iterator[tuple[int, float]]:
        """When a station's clock was set: (UTC microseconds right after, seconds), in the order in which they came.

        Those whose skipped or repeated time touches [from_us, to_us); None is no limit. None where they are not known.
        """
        if clock_steps.name not in self._tables:  # a record of version 3 or before, which no daemon of today has opened
            return
        before_us = clock_steps.c.time_us - clock_steps.c.step_s * 1_000_000
        query = sa.select(clock_steps.c.time_us, clock_steps.c.step_s).where(clock_steps.c.station == station)
        if from_us is not None:
            query = query.where(sa.or_(clock_steps.c.time_us >= from_us, before_us >= from_us))
        if to_us is not None:
            query = query.where(sa.or_(clock_steps.c.time_us < to_us, before_us < to_us))
        query = query.order_by(clock_steps.c.id)
        with self._told():
            for row in self._connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
                yield row.time_us, row.step_s
        self._check_unchanged()

    def hops(self, station: str, from_us: int | None = None, to_us: int | None = None) -> Iterator[HopBlock]:
        """The hops of a station within [from_us, to_us), UTC microseconds, oldest first, at most a minute in a block.

        Their labels and models may change from one block to the next. None where they are no longer kept.
        """
        if hops.name not in self._tables:  # a record of version 1, which no daemon of today has opened
            return
        query = sa.select(hops, layouts.c.content).join(layouts, layouts.c.id == hops.c.layout)
        query = query.where(*_hops_within(station, from_us, to_us)).order_by(hops.c.start_us)
        with self._told():
            for row in self._connection.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)):
                layout = Layout.from_json(row.content)
                block = unpack(PackedHops(row.station, layout, row.start_us, row.end_us, row.data))
                block = block.between(from_us, to_us)
                if len(block):
                    yield block
        self._check_unchanged()

    def layouts(self, station: str, from_us: int | None = None, to_us: int | None = None) -> list[Layout]:
        """What the values of a station's hops within [from_us, to_us) belong to, each once."""
        if hops.name not in self._tables:
            return []
        used = sa.select(hops.c.layout).where(*_hops_within(station, from_us, to_us)).distinct()
        with self._told():
            contents = self._connection.execute(sa.select(layouts.c.content).where(layouts.c.id.in_(used))).scalars()
            return [Layout.from_json(content) for content in contents]

    def close(self) -> None:
        """Let go of the database."""
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
        if self._alone and _identity(str(self._place.file)) != self._before:
            raise BusyRecordError(f"the timeline {self._place.shown} was changed while it was read: once more, please")

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """The database's errors as sentences of ours."""
        shown = self._place.shown
        try:
            yield
        except sa.exc.DatabaseError as error:
            code = getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY_CODE
            why = self._place.hide(str(error.orig))
            if self._place.file is None or code in _LATER:
                raise BusyRecordError(f"the timeline {shown} cannot be read now: {why}") from None
            if code in _WRONG:
                self._check_unchanged()
                raise RecordError(f"the timeline {shown} is not a usable database: {why}") from None
            raise MissingRecordError(f"the timeline {shown} cannot be read: {why}") from None
        except ValueError:
            # Titles that are not JSON, hops that cannot be unpacked: another program wrote here.
            raise RecordError(f"the timeline {shown} holds a row that ccmusicd did not write") from None


def _hops_within(station: str, from_us: int | None, to_us: int | None) -> list[sa.ColumnElement[bool]]:
    """The blocks of a station that touch [from_us, to_us)."""
    within = [hops.c.station == station]
    if from_us is not None:
        within.append(hops.c.end_us >= from_us)
    if to_us is not None:
        within.append(hops.c.start_us < to_us)
    return within


def _sqlite_engine(file: str, *, unchanging: bool) -> sa.Engine:
    """An engine that makes and changes no file."""
    mode = "mode=ro&immutable=1" if unchanging else "mode=ro"
    address = f"file:{quote(str(Path(file).absolute()))}?{mode}"
    return sa.create_engine(
        "sqlite://",
        poolclass=sa.pool.NullPool,
        creator=lambda: sqlite3.connect(address, uri=True, isolation_level=None, timeout=_BUSY_TIMEOUT_S),
    )


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
