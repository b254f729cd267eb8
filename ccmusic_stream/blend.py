"""Two genres heard together; apart from `segments`, so that readers of the record need no numpy."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Blend:
    """Two sounds heard together, UTC microseconds [start_us, end_us): `before` (a genre) gave way to the segment's."""

    before: str
    start_us: int
    end_us: int
