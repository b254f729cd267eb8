"""The databases a record can lie in: SQLite in a file, PostgreSQL by its address. How each is opened and numbered."""

import contextlib
import importlib
import os
import socket
import sqlite3
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa

from ccmusicd.publish.errors import RecordError

_BUSY_TIMEOUT_MS = 1500
_CACHE_KIB = 128
_WANTED = "sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE"

ONLY_READS = {"only_reads": True}
"""Execution options of connections that write nothing: they do not wait for the writer."""

_PATIENCE: dict[str, Any] = {
    # A server that is there but silent, or a network that swallows packets, is noticed in seconds, not in hours.
    "connect_timeout": 3,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,
    "options": "-c statement_timeout=30s -c lock_timeout=5s -c idle_in_transaction_session_timeout=10min",
    "application_name": "ccmusicd",
}

_UPGRADE_LOCK = 0x63636D75  # "ccmu": any number that other programs in the same database do not take


@dataclass(frozen=True, slots=True)
class Place:
    """Where a record lies. `file` is SQLite's, None for a server; `shown` names it without user or password."""

    url: sa.URL = field(repr=False)
    file: str | None
    shown: str

    def hide(self, text: str) -> str:
        """`text`, as a driver wrote it, as one line and without the address's password."""
        secrets = {self.url.password, *(value for key, value in self.url.query.items() if "password" in key)}
        for secret in secrets:
            if isinstance(secret, str) and secret:
                text = text.replace(secret, "***")
        return " ".join(text.split())


def place_of(url: str) -> Place:
    """The place that `url` names, sqlite:///FILE or postgresql+psycopg://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE.

    Raises:
        RecordError: it is something else, or the driver for it is not installed.
    """
    try:
        address = sa.make_url(url)
    except (sa.exc.ArgumentError, ValueError):
        raise RecordError(f"the timeline's address must be {_WANTED}") from None
    backend = address.get_backend_name()
    if address.drivername in {"sqlite", "sqlite+pysqlite"} and address.database:
        return Place(address, address.database, address.database)
    if address.drivername not in {"postgresql", "postgresql+psycopg"} or not address.database:
        raise RecordError(f"the timeline's address must be {_WANTED}, not one of {backend!r}")
    try:
        importlib.import_module("psycopg")  # an extra, asked for only where it is used
    except ImportError:
        raise RecordError("a timeline in PostgreSQL needs psycopg: install ccmusic-stream[postgres]") from None
    host = address.host or "localhost"
    port = f":{address.port}" if address.port else ""
    shown = f"postgresql://{host}{port}/{address.database}"
    return Place(address.set(drivername="postgresql+psycopg"), None, shown)


def make_engine(place: Place) -> sa.Engine:
    """An engine whose transactions also hold definitions of tables; nothing is opened yet."""
    if place.file is None:
        patience = {key: value for key, value in _PATIENCE.items() if key not in place.url.query}
        return sa.create_engine(place.url, connect_args=patience, pool_pre_ping=True, pool_size=2)
    engine = sa.create_engine(place.url)
    sa.event.listen(engine, "connect", _set_up_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _pooled: object) -> None:
    # Python's module would begin a transaction for rows, but none for tables: `_begin_sqlite` does for both.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}")
    cursor.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file; before anything is written into it
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    # Rows are appended, and the system keeps the file's pages, too. The default, 2 MB for each connection, would fill
    # over half a day: growth that no leak could be told from.
    cursor.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
    cursor.close()


def _begin_sqlite(connection: sa.Connection) -> None:
    reads = connection.get_execution_options().get("only_reads")
    # What is to write waits for its turn at the start: in the middle it would be refused instead.
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def read_version(connection: sa.Connection) -> int:
    """The schema's version; 0 where there is no record yet."""
    if connection.dialect.name == "sqlite":
        return int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
    if not sa.inspect(connection).has_table("record_version"):
        return 0
    return int(connection.exec_driver_sql("SELECT max(version) FROM record_version").scalar_one() or 0)


def version_of_file(place: Place) -> int:
    """The version of a SQLite file that is there, without a byte changed; 0 where that cannot be told."""
    if place.file is None or not Path(place.file).exists():
        return 0
    # As the reader does: without a log nobody writes, and SQLite need make none.
    alone = not any(Path(place.file + end).exists() for end in ("-wal", "-journal"))
    address = f"file:{quote(str(Path(place.file).absolute()))}?mode=ro{'&immutable=1' if alone else ''}"
    with (
        contextlib.suppress(sqlite3.Error),  # opening it to write says so, and better
        contextlib.closing(sqlite3.connect(address, uri=True, timeout=_BUSY_TIMEOUT_MS / 1e3)) as connection,
    ):
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    return 0


def write_version(connection: sa.Connection, version: int) -> None:
    """Note the schema's version, in the transaction that brought it about."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(f"PRAGMA user_version = {version:d}")
        return
    connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS record_version (version integer NOT NULL)")
    connection.exec_driver_sql("DELETE FROM record_version")
    connection.execute(sa.text("INSERT INTO record_version VALUES (:version)"), {"version": version})


def alone_to_upgrade(connection: sa.Connection) -> None:
    """Wait, for the rest of the transaction, until no other daemon makes or changes the tables."""
    if connection.dialect.name == "postgresql":  # SQLite's transactions are alone anyway
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})")


def outside_transaction(engine: sa.Engine, statement: str) -> list[Any]:
    """The rows of a statement that SQLite runs in no transaction of ours.

    Raises:
        sqlalchemy.exc.OperationalError: as any other statement.
    """
    with _driver(engine, statement) as connection:
        return list(connection.execute(statement).fetchall())


def shrink(engine: sa.Engine) -> None:
    """Give the unused pages of a SQLite file back to the disk; beside a reader that holds the log, the next time.

    Raises:
        sqlalchemy.exc.OperationalError: as any statement.
    """
    script = "PRAGMA incremental_vacuum; PRAGMA wal_checkpoint(TRUNCATE)"  # the log would keep what the file gives
    with _driver(engine, script) as connection:
        connection.executescript(script)  # to its end: Python's `execute` makes one step, which is one page


@contextlib.contextmanager
def _driver(engine: sa.Engine, statement: str) -> Iterator[Any]:
    try:
        with contextlib.closing(engine.raw_connection()) as pooled:
            yield pooled.driver_connection
    except sqlite3.Error as error:
        raise sa.exc.OperationalError(statement, None, error) from error


def make_shrinkable(engine: sa.Engine, place: Place) -> None:
    """Let an existing SQLite file give back what is deleted from it, where it does not yet; best effort.

    Files of before version 2 hold segments only, so the copy that this makes is small; a kill leaves the old file.
    """
    if place.file is None or not Path(place.file).exists():
        return
    if outside_transaction(engine, "PRAGMA auto_vacuum") != [(0,)]:
        return
    with contextlib.suppress(sa.exc.OperationalError):  # full or busy: it is then reused, and does not shrink
        outside_transaction(engine, "VACUUM")


def lost_for_good(error: sa.exc.DatabaseError) -> bool:
    """Whether SQLite says that the file is none of its own, or damaged; the result code may be an extended one."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


def hangs_up(engine: sa.Engine) -> Callable[[], None]:
    """What ends every connection of a server's engine from another thread, so that a wait for it ends with an error."""
    connections: weakref.WeakSet[Any] = weakref.WeakSet()

    @sa.event.listens_for(engine, "connect")
    def remember(connection: Any, _pooled: object) -> None:
        if not isinstance(connection, sqlite3.Connection):
            connections.add(connection)

    def hang_up() -> None:
        for connection in list(connections):
            # Closed already, by itself or by its thread: psycopg says so by an error of its own.
            with contextlib.suppress(Exception), socket.socket(fileno=os.dup(connection.fileno())) as shared:
                shared.shutdown(socket.SHUT_RDWR)

    return hang_up
