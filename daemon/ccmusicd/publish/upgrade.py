"""Makes the tables of a new record, and brings an older record up to this program's version; nothing in between."""

from collections.abc import Callable, Mapping

import sqlalchemy as sa

from ccmusicd.publish import backend
from ccmusicd.publish.schema import SCHEMA_VERSION, check_version, clock_steps, hops, layouts, metadata


def bring_up_to_date(connection: sa.Connection, shown: str) -> None:
    """Make or upgrade the tables in the connection's transaction, which holds all of it or none; `shown` names it.

    Raises:
        RecordError: the record was written by a newer program.
    """
    backend.alone_to_upgrade(connection)
    version = backend.read_version(connection)
    check_version(version, shown)
    if version == SCHEMA_VERSION:
        return
    if version == 0:
        metadata.create_all(connection)
    else:
        for step in range(version, SCHEMA_VERSION):
            _STEPS[step](connection)
    backend.write_version(connection, SCHEMA_VERSION)


def _from_1_to_2(connection: sa.Connection) -> None:
    """Version 2 adds the values of hops; segments and titles stay as they are."""
    layouts.create(connection, checkfirst=True)
    hops.create(connection, checkfirst=True)


def _from_2_to_3(connection: sa.Connection) -> None:
    """Version 3 adds how well a start is known, blends, the models' own genres and the level; old rows have none."""
    for column in (
        ("error_s", "FLOAT"),
        ("blend_from", "TEXT"),
        ("blend_start_us", "BIGINT"),
        ("blend_end_us", "BIGINT"),
        ("models", "TEXT"),
        ("level_dbfs", "FLOAT"),
    ):
        connection.execute(sa.text(f"ALTER TABLE segments ADD COLUMN {' '.join(column)}"))


def _from_3_to_4(connection: sa.Connection) -> None:
    """Version 4 adds the steps of the system clock; those of before are not known."""
    clock_steps.create(connection, checkfirst=True)


_STEPS: Mapping[int, Callable[[sa.Connection], None]] = {1: _from_1_to_2, 2: _from_2_to_3, 3: _from_3_to_4}
"""From each version to the next."""
