"""The day's plot as SVG: for each quarter of an hour, the share of every category, stacked.

Places are percentages and sizes pixels, so that it fills any width with letters and patterns of one size.
"""

from collections.abc import Iterator, Mapping
from html import escape
from itertools import groupby

from ccmusicd.export.day import Category, Slot, StationDay
from ccmusicd.export.swatches import Swatch
from ccmusicd.export.times import at

SLOT_US = 900_000_000
_HOUR_US = 3_600_000_000
_HEIGHT = 240
_SPOKEN = "Share of each genre through the day, a column for each quarter of an hour; the tables say it in numbers."
_LETTER_PX = 7
_NARROW_PX, _WIDE_PX = 290, 860  # of a plot on a phone and on paper or a screen


def day_plot(day: StationDay, looks: Mapping[Category, Swatch]) -> str:
    """An `svg` element as wide as its place; each slot tells its shares when pointed at."""
    slots = list(day.slots(SLOT_US))
    return "".join([
        f'<svg class="plot" width="100%" height="{_HEIGHT + 26}" role="img" aria-label="{_SPOKEN}">',
        f'<svg width="100%" height="{_HEIGHT}">',
        *(_column(day, slot, looks) for slot in slots),
        *(f'<line class="level" x1="0" x2="100%" y1="{y}%" y2="{y}%"/>' for y in (25, 50, 75)),
        *_names(day, slots),
        '</svg><rect class="frame" width="100%" height="' + f'{_HEIGHT}"/>',
        *_hours(day),
        "</svg>",
    ])  # fmt: skip


def _column(day: StationDay, slot: Slot, looks: Mapping[Category, Swatch]) -> str:
    left, width = _share(slot.start_us - day.start_us, day), _share(slot.end_us - slot.start_us, day)
    length = slot.end_us - slot.start_us
    below, parts, words = 0, [], []
    for category in looks:
        us = slot.held.get(category, 0)
        if not us:
            continue
        below += us
        top, height = 100 * (length - below) / length, 100 * us / length
        words.append(f"{category.name} {height:.0f} %")
        parts.append(
            f'<rect x="{left:.3f}%" y="{top:.2f}%" width="{width:.3f}%" height="{height:.2f}%" '
            f'fill="url(#{looks[category].id})"/>'
        )
    times = "–".join(f"{at(us, day.zone):%H:%M}" for us in (slot.start_us, slot.end_us))
    return f"<g><title>{escape(times)}: {escape(', '.join(words))}</title>{''.join(parts)}</g>"


def _names(day: StationDay, slots: list[Slot]) -> Iterator[str]:
    """The name of a category in the middle of where it fills most of each slot, if there is room."""
    for category, run in groupby(slots, _main):
        if category is None or category.kind == "to_come":
            continue
        within = list(run)
        width = (within[-1].end_us - within[0].start_us) / day.us
        need = len(category.name) * _LETTER_PX + 8
        if width * _WIDE_PX < need:
            continue
        room = "" if width * _NARROW_PX >= need else " wide"
        middle = _share((within[0].start_us + within[-1].end_us) // 2 - day.start_us, day)
        yield f'<text class="name{room}" x="{middle:.2f}%" y="50%" dy="4">{escape(category.name)}</text>'


def _main(slot: Slot) -> Category | None:
    """What fills more than half of a slot, and so lies on its middle line whatever is stacked around it."""
    category = max(slot.held, key=lambda one: slot.held[one], default=None)
    return category if category is not None and 2 * slot.held[category] > slot.end_us - slot.start_us else None


def _hours(day: StationDay) -> Iterator[str]:
    """The clock below: each third hour, each sixth on a phone; one that comes a second time is, say, 02B."""
    seen: set[int] = set()
    for us in range(day.start_us, day.end_us, _HOUR_US):
        hour = at(us, day.zone).hour
        again, place = hour in seen, _share(us - day.start_us, day)
        seen.add(hour)
        yield f'<line class="tick" x1="{place:.3f}%" x2="{place:.3f}%" y1="{_HEIGHT}" y2="{_HEIGHT + 4}"/>'
        if hour % 3 and not again:
            continue
        end = ' text-anchor="start"' if us == day.start_us else ""
        room = " wide" if hour % 6 or again else ""
        name = f"{hour:02d}{'B' if again else ''}"
        yield f'<text class="hour{room}" x="{place:.3f}%" y="{_HEIGHT + 19}"{end}>{name}</text>'
    yield f'<text class="hour" x="100%" y="{_HEIGHT + 19}" text-anchor="end">24</text>'


def _share(us: int, day: StationDay) -> float:
    return 100 * us / day.us
