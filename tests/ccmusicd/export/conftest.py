"""Rows and pieces by small factories."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from ccmusicd.export.pieces import Piece
from ccmusicd.publish.rows import SegmentRow

# The same examples every time, however busy the machine is.
settings.register_profile(
    "steady",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("steady")

NOON_US = 1_777_636_800_000_000  # 2026-05-01T12:00:00Z


def row(start_s: float = 0, end_s: float = 60, **fields: Any) -> SegmentRow:
    plain: dict[str, Any] = {
        "station": "studio",
        "start_us": NOON_US + round(start_s * 1_000_000),
        "end_us": NOON_US + round(end_s * 1_000_000),
        "kind": "music",
        "genre": "rock",
        "note": None,
        "error_s": 0.4,
        "blend": None,
        "probability": 0.87654,
        "probability_min": 0.5,
        "agreement": 1.0,
        "divergence": 0.01,
        "models": {"vgg19_bn_cqt": "rock"},
        "level_dbfs": -18.25,
        "titles": (),
        "trained": True,
        "open": False,
    }
    bare: dict[str, Any] = {
        "genre": None,
        "probability": None,
        "probability_min": None,
        "agreement": None,
        "divergence": None,
    }
    bare |= {"models": {}, "level_dbfs": None}
    silent = bare if fields.get("kind") not in {None, "music", "speech"} else {}
    return SegmentRow(**{**plain, **silent, **fields})


@pytest.fixture(scope="session")
def make_row() -> Callable[..., SegmentRow]:
    """A row by seconds after noon UTC of 1 May 2026; kinds without a genre have no probability either."""
    return row


@pytest.fixture(scope="session")
def make_piece() -> Callable[..., Piece]:
    """The same as a piece that was not cut."""
    return lambda *times, **fields: Piece(row(*times, **fields))


@pytest.fixture(scope="session")
def noon_us() -> int:
    assert datetime.fromtimestamp(NOON_US / 1e6, UTC) == datetime(2026, 5, 1, 12, tzinfo=UTC)
    return NOON_US
