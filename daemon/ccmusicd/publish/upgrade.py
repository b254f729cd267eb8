"""Makes the tables of a new record, and brings an older record up to this program's version; nothing in between."""

from collections.abc import Callable, Mapping

import sqlalchemy as sa

from ccmusicd.publish import backend
from ccmusicd.publish.schema import SCHEMA_VERSION, check_version, hops, layouts, metadata


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


_STEPS: Mapping[int, Callable[[sa.Connection], None]] = {1: _from_1_to_2}
"""From each version to the next."""
