"""One day of one station, in which every microsecond is something: what a report adds up."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, tzinfo
from itertools import islice
from typing import NamedTuple

from ccmusicd.export.pieces import Piece

MOST_TITLES = 2_000
"""Titles kept of a day; a stream that changes its title every second must not make a report of a hundred pages."""

MOST_CLOCK_STEPS = 200
"""Steps of the system clock kept of a day; one that is set each minute must not fill the report either."""

KINDS = ("music", "speech", "uncertain", "silence", "no_signal", "paused", "down", "not_recorded", "to_come")
"""What a stretch of a day can be, in the order in which it is told; the last two are not in the record."""

INTERRUPTIONS = ("silence", "no_signal", "paused", "down", "not_recorded")


class Category(NamedTuple):
    """What time is added up by: a genre of music or speech, or a kind without one."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a day, [start_us, end_us) in UTC microseconds.

    `cut_start` and `cut_end` say that it began before the day or went on after it, `open` that it still grows.
    """

    category: Category
    start_us: int
    end_us: int
    note: str | None = None
    probability: float | None = None
    trained: bool = True
    cut_start: bool = False
    cut_end: bool = False
    open: bool = False

    @property
    def us(self) -> int:
        """Its length in microseconds."""
        return self.end_us - self.start_us


@dataclass(frozen=True, slots=True)
class StationDay:
    """A day of a station. The stretches follow each other without a hole from `start_us` to `end_us`.

    `titles` are (UTC microseconds, title), at most `MOST_TITLES`; `more_titles` says that there were more.
    `clock_steps` are (UTC microseconds right after, seconds; positive: forward) in the order in which they came, at
    most `MOST_CLOCK_STEPS`; `more_clock_steps` says that there were more.
    """

    name: str
    day: date
    zone: tzinfo
    start_us: int
    end_us: int
    stretches: tuple[Stretch, ...]
    titles: tuple[tuple[int, str], ...] = ()
    more_titles: bool = False
    clock_steps: tuple[tuple[int, float], ...] = ()
    more_clock_steps: bool = False

    @property
    def us(self) -> int:
        """The length of the day in microseconds: 24 hours, or another length where clocks change."""
        return self.end_us - self.start_us

    def totals(self) -> dict[Category, int]:
        """Microseconds of each category that there was, in the order of telling; they add up to `us`."""
        found = Counter[Category]()
        for stretch in self.stretches:
            found[stretch.category] += stretch.us
        return {category: found[category] for category in sorted(found, key=lambda one: _place(one, found))}

    def slots(self, slot_us: int) -> Iterator["Slot"]:
        """The day in slots of equal length (but for the last, where it does not fit), with what each held."""
        stretches = iter(self.stretches)
        current = next(stretches, None)
        for start_us in range(self.start_us, self.end_us, slot_us):
            end_us = min(start_us + slot_us, self.end_us)
            held = Counter[Category]()
            while current is not None and current.start_us < end_us:
                held[current.category] += min(current.end_us, end_us) - max(current.start_us, start_us)
                if current.end_us > end_us:
                    break
                current = next(stretches, None)
            yield Slot(start_us, end_us, dict(held))


class Slot(NamedTuple):
    """A slot of a day, and the microseconds of each category in it, which add up to its length."""

    start_us: int
    end_us: int
    held: Mapping[Category, int]


def station_day(
    name: str,
    day: date,
    zone: tzinfo,
    bounds_us: tuple[int, int],
    pieces: Iterable[Piece],
    titles: Iterable[tuple[int, str]],
    now_us: int,
    clock_steps: Iterable[tuple[int, float]] = (),
) -> StationDay:
    """The day of one station, made of its pieces within the day's bounds (in order) and the titles heard in it.

    `clock_steps` are those that touch the day, as `StationDay` has them. Time without a record is "not recorded" until
    `now_us` and "to come" after it.
    """
    start_us, end_us = bounds_us
    kept = tuple(islice(titles, MOST_TITLES + 1))
    steps = tuple(islice(clock_steps, MOST_CLOCK_STEPS + 1))
    return StationDay(
        name=name,
        day=day,
        zone=zone,
        start_us=start_us,
        end_us=end_us,
        stretches=tuple(_whole(pieces, start_us, end_us, now_us)),
        titles=kept[:MOST_TITLES],
        more_titles=len(kept) > MOST_TITLES,
        clock_steps=steps[:MOST_CLOCK_STEPS],
        more_clock_steps=len(steps) > MOST_CLOCK_STEPS,
    )


def apportion(amounts: Mapping[Category, int], units: int) -> dict[Category, int]:
    """Whole units for amounts, so that they add up to `units` exactly: the largest remainders are rounded up."""
    total = sum(amounts.values())
    if total == 0:
        return dict.fromkeys(amounts, 0)
    shares = {category: amount * units // total for category, amount in amounts.items()}
    by_remainder = sorted(amounts, key=lambda category: amounts[category] * units % total, reverse=True)
    for category in by_remainder[: units - sum(shares.values())]:
        shares[category] += 1
    return shares


def _whole(pieces: Iterable[Piece], start_us: int, end_us: int, now_us: int) -> Iterator[Stretch]:
    reached_us = start_us
    for piece in pieces:
        row = piece.row
        if row.end_us <= reached_us:
            continue
        yield from _unrecorded(reached_us, row.start_us, now_us)
        yield Stretch(
            category=_category(piece),
            start_us=max(row.start_us, reached_us),
            end_us=row.end_us,
            note=row.note,
            probability=row.probability,
            trained=row.trained,
            cut_start=piece.cut_start,
            cut_end=piece.cut_end,
            open=row.open,
        )
        reached_us = row.end_us
    yield from _unrecorded(reached_us, end_us, now_us)


def _unrecorded(start_us: int, end_us: int, now_us: int) -> Iterator[Stretch]:
    border_us = min(max(now_us, start_us), end_us)
    for kind, first_us, last_us in (("not_recorded", start_us, border_us), ("to_come", border_us, end_us)):
        if last_us > first_us:
            yield Stretch(Category(kind, kind.replace("_", " ")), first_us, last_us)


def _category(piece: Piece) -> Category:
    kind = piece.row.kind
    words = piece.label if kind in {"music", "speech"} else kind
    return Category(kind, words.replace("_", " "))


def _place(category: Category, totals: Mapping[Category, int]) -> tuple[int, int, str]:
    known = KINDS.index(category.kind) if category.kind in KINDS else len(KINDS)
    return known, -totals[category], category.name
