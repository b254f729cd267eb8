"""The timeline's tables, their version, and the look-ups that the writer and its readers share."""

import json
from typing import Any

import sqlalchemy as sa

from ccmusicd.publish.errors import RecordError
from ccmusicd.publish.rows import SegmentRow

SCHEMA_VERSION = 1

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
    sa.Column("probability", sa.Float),
    sa.Column("probability_min", sa.Float),
    sa.Column("agreement", sa.Float),
    sa.Column("divergence", sa.Float),
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


def check_record(url: str) -> str:
    """The file of a timeline's address, sqlite:///FILE; `RecordError` when it is something else."""
    try:
        address = sa.make_url(url)
    except sa.exc.ArgumentError:
        raise RecordError("the timeline's address must be sqlite:///FILE") from None
    if address.get_backend_name() != "sqlite" or not address.database:
        shown = address.render_as_string(hide_password=True)
        raise RecordError(f"the timeline's address must be sqlite:///FILE, not {shown!r}")
    return address.database


def check_version(version: int, file: str) -> None:
    """Raise `RecordError` when the database `file` was written by a newer program."""
    if version > SCHEMA_VERSION:
        raise RecordError(
            f"the timeline {file} has schema version {version}, written by a newer ccmusicd; "
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


def select_segments(station: str | None, from_us: int | None, to_us: int | None) -> "sa.Select[Any]":
    """The segments that touch [from_us, to_us), by station and start; None is no limit."""
    query = sa.select(segments).where(*touching(station, from_us, to_us))
    return query.order_by(segments.c.station, segments.c.start_us)


def row_of(row: Any) -> SegmentRow:
    """A row of `select_segments` as plain values."""
    fields = row._asdict()
    del fields["id"]
    return SegmentRow(**{**fields, "titles": tuple(json.loads(row.titles))})
