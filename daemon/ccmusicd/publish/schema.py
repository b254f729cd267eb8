"""The timeline's tables, their version, and the look-ups that the writer and its readers share."""

import json
from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from ccmusic_stream.blend import Blend
from ccmusicd.publish.backend import place_of
from ccmusicd.publish.errors import RecordError
from ccmusicd.publish.rows import SegmentRow

SCHEMA_VERSION = 4

metadata = sa.MetaData()

segments = sa.Table(
    "segments",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("station", sa.Text, nullable=False),
    sa.Column("start_us", sa.BigInteger, nullable=False),
    sa.Column("end_us", sa.BigInteger, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("genre", sa.Text),
    sa.Column("note", sa.Text),
    sa.Column("error_s", sa.Float),  # NULL: written before it was known
    sa.Column("blend_from", sa.Text),
    sa.Column("blend_start_us", sa.BigInteger),
    sa.Column("blend_end_us", sa.BigInteger),
    sa.Column("probability", sa.Float),
    sa.Column("probability_min", sa.Float),
    sa.Column("agreement", sa.Float),
    sa.Column("divergence", sa.Float),
    sa.Column("models", sa.Text),  # JSON: each model's own genre
    sa.Column("level_dbfs", sa.Float),
    sa.Column("titles", sa.Text, nullable=False),
    sa.Column("trained", sa.Boolean, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.UniqueConstraint("station", "start_us"),  # its index serves every look-up by station and time
    sa.Index("segments_start", "start_us"),
)

titles = sa.Table(
    "titles",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("station", sa.Text, nullable=False),
    sa.Column("time_us", sa.BigInteger, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.UniqueConstraint("station", "time_us"),
)

clock_steps = sa.Table(
    "clock_steps",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),  # in the order in which they came, which that of time is not
    sa.Column("station", sa.Text, nullable=False),
    sa.Column("time_us", sa.BigInteger, nullable=False),  # what the clock said right after
    sa.Column("step_s", sa.Float, nullable=False),  # positive: set forward
    sa.UniqueConstraint("station", "time_us"),
)

layouts = sa.Table(
    "layouts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("digest", sa.Text, nullable=False, unique=True),  # of the content, which may be long for an index
    sa.Column("content", sa.Text, nullable=False),
)

hops = sa.Table(
    "hops",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("station", sa.Text, nullable=False),
    sa.Column("start_us", sa.BigInteger, nullable=False),  # of the first and of the last hop
    sa.Column("end_us", sa.BigInteger, nullable=False),
    sa.Column("layout", sa.Integer, sa.ForeignKey("layouts.id"), nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
    sa.UniqueConstraint("station", "start_us"),
    sa.Index("hops_start", "start_us"),  # the oldest of all stations go first
)


def check_record(url: str) -> str:
    """The name, without secrets, of the record at `url`: a file, or a server and database; `RecordError` if neither."""
    return place_of(url).shown


def check_version(version: int, shown: str) -> None:
    """Raise `RecordError` when the database that `shown` names was written by a newer program."""
    if version > SCHEMA_VERSION:
        raise RecordError(
            f"the timeline {shown} has schema version {version}, written by a newer ccmusicd; "
            f"this one knows {SCHEMA_VERSION}"
        )


def touching(station: str | None, from_us: int | None, to_us: int | None) -> list[sa.ColumnElement[bool]]:
    """What is true of segments that touch [from_us, to_us); None is no limit."""
    conditions: list[sa.ColumnElement[bool]] = []
    if station is not None:
        conditions.append(segments.c.station == station)
    if from_us is not None:
        conditions.append(segments.c.end_us > from_us)
    if to_us is not None:
        conditions.append(segments.c.start_us < to_us)
    return conditions


def select_segments(
    station: str | None, from_us: int | None, to_us: int | None, stored: Collection[str] | None = None
) -> "sa.Select[Any]":
    """The segments that touch [from_us, to_us), by station and start; None is no limit.

    `stored`: the columns that there are, of a record that an older program made; the others are read as None.
    """
    columns = [
        column if stored is None or column.name in stored else sa.null().label(column.name) for column in segments.c
    ]
    query = sa.select(*columns).where(*touching(station, from_us, to_us))
    return query.order_by(segments.c.station, segments.c.start_us)


def row_of(row: Any) -> SegmentRow:
    """A row of `select_segments` as plain values."""
    fields = row._asdict()
    blend = fields.pop("blend_from"), fields.pop("blend_start_us"), fields.pop("blend_end_us")
    del fields["id"]
    fields["titles"] = tuple(json.loads(row.titles))
    fields["models"] = json.loads(row.models or "{}")
    return SegmentRow(**fields, blend=None if None in blend else Blend(*blend))
