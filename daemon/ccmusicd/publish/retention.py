"""How long the record keeps what: hops go before the disk is full, segments only where that is asked for.

SQLite reuses the pages of what was deleted, and gives them back to the disk where the disk's reserve asks for it or
more than `_MOST_UNUSED_BYTES` of them lie about. PostgreSQL reuses them by its own vacuum.
"""

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from ccmusicd.publish import backend
from ccmusicd.publish.schema import clock_steps, hops, segments, titles

_DAY_US = 86_400_000_000
_MEGABYTE = 1_000_000
_BLOCKS_AT_ONCE = 200
_MOST_ROUNDS = 50
"""No more of them each time: what is still too much goes a minute later, and writing goes on in between."""
_MOST_UNUSED_BYTES = 16 * _MEGABYTE
_BYTES_BESIDE_DATA = 120
"""Of a row of `hops`, with its part of the indexes: about."""
_BYTES_OF_A_ROW = sa.func.length(hops.c.data) + _BYTES_BESIDE_DATA
_MEASURED_FOR_S = 3600.0
"""A server adds up all rows for its answer, so it is asked only now and then."""


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept, each 0 for no limit.

    Hops of the newest `keep_days`; as many that the record stays under `keep_megabytes` (a file as a whole; on a server
    the hops of this daemon's stations), and that `disk_reserve_megabytes` stay free on a file's disk. Segments,
    titles and steps of the clock of the newest `keep_segments_days`. A megabyte is 1,000,000 bytes.
    """

    keep_days: float = 0.0
    keep_megabytes: float = 0.0
    disk_reserve_megabytes: float = 0.0
    keep_segments_days: float = 0.0


class Pruner:
    """Deletes what `retention` does not keep from the record behind `engine`. Blocking; for the writer's thread."""

    def __init__(self, engine: sa.Engine, place: backend.Place, retention: Retention) -> None:
        self._engine = engine
        self._place = place
        self._retention = retention
        self._server_bytes = 0
        self._measured_at = -_MEASURED_FOR_S

    def prune(self, stations: Sequence[str], now_us: int) -> int:
        """Delete the oldest, at UTC microseconds `now_us`; how many blocks of hops went. On a server: of `stations`."""
        kept = self._retention
        ours = sa.true() if self._place.file is not None else hops.c.station.in_(stations)
        gone = 0
        if kept.keep_segments_days:
            self._delete_segments(stations, now_us - round(kept.keep_segments_days * _DAY_US))
        for _ in range(_MOST_ROUNDS):
            outdated = hops.c.end_us < now_us - round(kept.keep_days * _DAY_US) if kept.keep_days else sa.false()
            count = self._delete_oldest(sa.and_(ours, outdated)) if kept.keep_days else 0
            if not count and (self._is_too_large(ours) or self.disk_is_low()):
                count = self._delete_oldest(ours)
            if self.disk_is_low() or self._unused_bytes() > _MOST_UNUSED_BYTES:
                self._shrink()
            if not count:
                break
            gone += count
        return gone

    def disk_is_low(self) -> bool:
        """Whether less than the reserve is free on the file's disk; never of a server, whose disk nobody here sees."""
        reserve = self._retention.disk_reserve_megabytes * _MEGABYTE
        if not reserve or self._place.file is None:
            return False
        try:
            return shutil.disk_usage(Path(self._place.file).absolute().parent).free < reserve
        except OSError:
            return False  # gone: writing says so itself

    def _is_too_large(self, ours: sa.ColumnElement[bool]) -> bool:
        limit = self._retention.keep_megabytes * _MEGABYTE
        return bool(limit) and self._used_bytes(ours) > limit

    def _used_bytes(self, ours: sa.ColumnElement[bool]) -> int:
        if self._place.file is not None:
            (pages,), (size,) = self._pragma("page_count"), self._pragma("page_size")
            return int(pages) * int(size) - self._unused_bytes()
        if time.monotonic() - self._measured_at >= _MEASURED_FOR_S:
            total = sa.select(sa.func.coalesce(sa.func.sum(_BYTES_OF_A_ROW), 0)).where(ours)
            with self._engine.connect() as connection:
                self._server_bytes = int(connection.execute(total).scalar_one())
            self._measured_at = time.monotonic()
        return self._server_bytes

    def _unused_bytes(self) -> int:
        if self._place.file is None:
            return 0
        (pages,), (size,) = self._pragma("freelist_count"), self._pragma("page_size")
        return int(pages) * int(size)

    def _shrink(self) -> None:
        if self._place.file is not None:
            backend.shrink(self._engine)

    def _delete_oldest(self, which: sa.ColumnElement[bool]) -> int:
        oldest = sa.select(hops.c.id).where(which).order_by(hops.c.start_us).limit(_BLOCKS_AT_ONCE)
        delete = sa.delete(hops).where(hops.c.id.in_(oldest)).returning(_BYTES_OF_A_ROW)
        with self._engine.begin() as connection:
            sizes = connection.execute(delete).scalars().all()
        self._server_bytes -= sum(sizes)
        return len(sizes)

    def _delete_segments(self, stations: Sequence[str], before_us: int) -> None:
        times = (segments, segments.c.end_us), (titles, titles.c.time_us), (clock_steps, clock_steps.c.time_us)
        for table, when in times:
            ours = sa.true() if self._place.file is not None else table.c.station.in_(stations)
            oldest = sa.select(table.c.id).where(ours, when < before_us).order_by(when).limit(_BLOCKS_AT_ONCE)
            with self._engine.begin() as connection:
                connection.execute(sa.delete(table).where(table.c.id.in_(oldest)))

    def _pragma(self, name: str) -> tuple[int]:
        (row,) = backend.outside_transaction(self._engine, f"PRAGMA {name}")
        return (int(row[0]),)
