"""The timeline's database: recovery after a stop or a crash, writing and reading. Blocking; one writer.

SQLite in WAL mode, or PostgreSQL: readers do not wait for the writer, and a commit outlives a kill -9 of the process.
"""

import json
import logging
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ccmusicd.events import ClockStepEvent, SegmentEvent, TitleEvent, iso
from ccmusicd.publish import backend
from ccmusicd.publish.errors import RecordError
from ccmusicd.publish.hops import Layout, PackedHops
from ccmusicd.publish.retention import Pruner, Retention
from ccmusicd.publish.rows import SegmentRow
from ccmusicd.publish.schema import check_version, row_of, select_segments
from ccmusicd.publish.schema import clock_steps as _clock_steps
from ccmusicd.publish.schema import hops as _hops
from ccmusicd.publish.schema import layouts as _layouts
from ccmusicd.publish.schema import segments as _segments
from ccmusicd.publish.schema import titles as _titles
from ccmusicd.publish.upgrade import bring_up_to_date

_log = logging.getLogger(__name__)

_DOWN_ERROR_S = 2.0
"""A daemon that is killed was on air up to so much longer than what it wrote: it writes once a second."""


class Record:
    """The database at `url`, sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE.

    A database on a server may hold the records of several daemons, if no two of them have a station of the same name.
    `open` first. Errors: `RecordError` for what will never work; `sqlalchemy.exc.SQLAlchemyError` for what may work
    later (disk full, read-only, locked, the server away).
    """

    def __init__(self, url: str) -> None:
        self.place = backend.place_of(url)
        self._engine = backend.make_engine(self.place)
        self._hang_up = backend.hangs_up(self._engine)
        self._reading = self._engine.execution_options(**backend.ONLY_READS)
        self._insert = postgresql.insert if self.place.file is None else sqlite.insert
        # A segment that had to begin later than it said, for its later updates: station -> (said, stored).
        self._moved: dict[str, tuple[int, int]] = {}

    def open(self) -> None:
        """Create, check or upgrade the schema."""
        check_version(backend.version_of_file(self.place), self.place.shown)  # before anything is written into it
        try:
            backend.make_shrinkable(self._engine, self.place)
            with self._engine.begin() as connection:
                bring_up_to_date(connection, self.place.shown)
        except sa.exc.DatabaseError as error:
            if backend.lost_for_good(error):
                raise RecordError(f"the timeline {self.place.shown} is not a usable database: {error.orig}") from None
            raise

    def recover(self, stations: Sequence[str], now_us: int) -> None:
        """Close what a crash left open, and fill each station's record up to `now_us` with "down"."""
        # On a server, what is open of other stations is another daemon's, who is writing it.
        ours = sa.true() if self.place.file is not None else _segments.c.station.in_(stations)
        with self._engine.begin() as connection:
            connection.execute(sa.delete(_segments).where(ours, _segments.c.end_us <= _segments.c.start_us))
            connection.execute(sa.update(_segments).where(ours, _segments.c.open).values(open=False))
            for station in stations:
                last = _last(connection, station)
                if last is not None:
                    _fill(connection, station, last, now_us)

    def write(
        self,
        segments: Sequence[SegmentEvent],
        titles: Sequence[TitleEvent],
        clock_steps: Sequence[ClockStepEvent] = (),
    ) -> None:
        """Insert or update, in one transaction; segments of one station in the order of their start.

        Titles and steps of the clock that are written already are not written again.
        """
        with self._engine.begin() as connection:
            for segment in segments:
                self._write_segment(connection, segment)
            if titles:
                rows = [{"station": t.station, "time_us": t.time_us, "title": _text(t.title)} for t in titles]
                connection.execute(self._insert(_titles).on_conflict_do_nothing(), rows)
            if clock_steps:
                steps = [{"station": s.station, "time_us": s.time_us, "step_s": s.step_s} for s in clock_steps]
                connection.execute(self._insert(_clock_steps).on_conflict_do_nothing(), steps)

    def _write_segment(self, connection: sa.Connection, event: SegmentEvent) -> None:
        start_us = self._place(connection, event)
        if start_us is None:
            return
        row = _segments.c.station == event.station, _segments.c.start_us == start_us
        if event.end_us <= start_us:
            # Nothing of it is left: back-dating gave all its time to its successor, or the record reaches further.
            connection.execute(sa.delete(_segments).where(*row))
            return
        values = _values(event, start_us)
        changes = {name: value for name, value in values.items() if name not in {"station", "start_us"}}
        connection.execute(
            self._insert(_segments)
            .values(values)
            .on_conflict_do_update(index_elements=["station", "start_us"], set_=changes)
        )

    def _place(self, connection: sa.Connection, event: SegmentEvent) -> int | None:
        """Where the segment is stored to begin: never inside another one, never after a hole.

        None when it is written already and has a successor: what came before that is settled.
        """
        said, stored = self._moved.get(event.station, (None, 0))
        if said == event.start_us:
            return stored
        last = _last(connection, event.station)
        if last is None or last.start_us == event.start_us:
            return event.start_us
        if event.start_us < last.start_us and _is_known(connection, event):
            return None
        if last.open:
            # Its end was lost (an inbox overflowed): it ends where it was last seen.
            connection.execute(sa.update(_segments).where(_segments.c.id == last.id).values(open=False))
        if event.start_us > last.end_us:
            _fill(connection, event.station, last, event.start_us)
            return event.start_us
        if event.start_us < last.end_us:
            _log.warning(
                "timeline: a segment of %s begins at %s, inside the one before; it is stored from %s",
                event.station,
                iso(event.start_us),
                iso(last.end_us),
            )
            self._moved[event.station] = (event.start_us, last.end_us)
        return int(last.end_us)

    def segments(
        self, station: str | None = None, from_us: int | None = None, to_us: int | None = None
    ) -> list[SegmentRow]:
        """The segments that touch [from_us, to_us), by station and start; None is no limit."""
        query = select_segments(station, from_us, to_us)
        with self._reading.connect() as connection:
            return [row_of(row) for row in connection.execute(query)]

    def titles(self, station: str) -> list[tuple[int, str]]:
        """The titles of a station: (UTC microseconds, title), oldest first."""
        query = sa.select(_titles.c.time_us, _titles.c.title).where(_titles.c.station == station)
        with self._reading.connect() as connection:
            return [(time_us, title) for time_us, title in connection.execute(query.order_by(_titles.c.time_us))]

    def clock_steps(self, station: str) -> list[tuple[int, float]]:
        """When a station's clock was set: (UTC microseconds right after, seconds), in the order in which they came."""
        query = sa.select(_clock_steps.c.time_us, _clock_steps.c.step_s).where(_clock_steps.c.station == station)
        with self._reading.connect() as connection:
            return [(time_us, step_s) for time_us, step_s in connection.execute(query.order_by(_clock_steps.c.id))]

    def close(self) -> None:
        """Close every connection; the last one folds the write-ahead log into the file."""
        self._engine.dispose()

    def write_hops(self, blocks: Sequence[PackedHops]) -> int:
        """Insert in one transaction, each station's in the order of time; how many were left out.

        A block that begins no later than the last one of its station ends is one that is written already, or of time
        that came a second time because the clock was set back while no daemon ran: the first telling stays.
        """
        left_out = 0
        with self._engine.begin() as connection:
            for block in blocks:
                last = sa.select(_hops.c.end_us).where(_hops.c.station == block.station)
                end_us = connection.execute(last.order_by(_hops.c.start_us.desc()).limit(1)).scalar()
                if end_us is not None and block.start_us <= end_us:
                    left_out += 1
                    continue
                values = {"station": block.station, "start_us": block.start_us, "end_us": block.end_us}
                values |= {"layout": self._layout_id(connection, block.layout), "data": block.data}
                connection.execute(sa.insert(_hops).values(values))
        return left_out

    def _layout_id(self, connection: sa.Connection, layout: Layout) -> int:
        known = sa.select(_layouts.c.id).where(_layouts.c.digest == layout.digest)
        found = connection.execute(known).scalar()
        if found is None:
            values = {"digest": layout.digest, "content": layout.to_json()}
            connection.execute(self._insert(_layouts).values(values).on_conflict_do_nothing())
            found = connection.execute(known).scalar_one()
        return int(found)

    def pruner(self, retention: Retention) -> Pruner:
        """Deletes what `retention` does not keep; in the writer's thread, too."""
        return Pruner(self._engine, self.place, retention)

    def hang_up(self) -> None:
        """End, from any thread, what waits for a server that does not answer: it fails at once. A file waits on."""
        self._hang_up()


def _last(connection: sa.Connection, station: str) -> Any:
    query = sa.select(_segments).where(_segments.c.station == station).order_by(_segments.c.start_us.desc()).limit(1)
    return connection.execute(query).first()


def _is_known(connection: sa.Connection, event: SegmentEvent) -> bool:
    row = _segments.c.station == event.station, _segments.c.start_us == event.start_us
    return connection.execute(sa.select(_segments.c.id).where(*row)).first() is not None


def _fill(connection: sa.Connection, station: str, last: Any, to_us: int) -> None:
    """Record the time from the end of `last` to `to_us` as "down": nobody was there to record it."""
    if to_us <= last.end_us:
        return
    if last.kind == "down":
        connection.execute(sa.update(_segments).where(_segments.c.id == last.id).values(end_us=to_us))
        return
    down = SegmentEvent(station, "end", last.end_us, to_us, "down", error_s=_DOWN_ERROR_S, trained=last.trained)
    connection.execute(sa.insert(_segments).values(_values(down, down.start_us)))


def _values(event: SegmentEvent, start_us: int) -> dict[str, Any]:
    return {
        "station": event.station,
        "start_us": start_us,
        "end_us": event.end_us,
        "kind": event.kind,
        "genre": event.genre,
        "note": event.note,
        "error_s": event.error_s,
        "blend_from": event.blend and event.blend.before,
        "blend_start_us": event.blend and event.blend.start_us,
        "blend_end_us": event.blend and event.blend.end_us,
        "probability": event.probability,
        "probability_min": event.probability_min,
        "agreement": event.agreement,
        "divergence": event.divergence,
        "models": json.dumps(dict(event.models), ensure_ascii=False),
        "level_dbfs": event.level_dbfs,
        "titles": json.dumps(event.titles, ensure_ascii=False),
        "trained": event.trained,
        "open": event.change != "end",
    }


def _text(text: str) -> str:
    """PostgreSQL's texts hold no NUL."""
    return text.replace("\0", "")
