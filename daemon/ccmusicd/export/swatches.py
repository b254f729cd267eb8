"""How categories of time look: a colour and a pattern each, so that none is told by its colour alone.

The colours are Okabe and Ito's, which people with any kind of colour blindness can tell apart.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ccmusicd.export.day import Category

_HUES = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#0072b2", "#d55e00", "#cc79a7")

_PATTERNS = (
    "",
    "M-2 8 L8 -2 M3 13 L13 3",
    "M0 3 H10 M0 8 H10",
    "M2 2 h2 v2 h-2 z M7 7 h2 v2 h-2 z",
    "M-2 2 L8 12 M3 -3 L13 7",
    "M3 0 V10 M8 0 V10",
)
"""Paths in a tile of 10 x 10 pixels; six patterns and seven hues make 42 that differ."""

_GENRES = (
    *("rock", "jazz", "classical", "pop", "electronic", "hip hop", "folk", "metal", "rnb", "reggae", "world"),
    "ambient",
)
"""The shipped genres: they look the same on every day's report."""


class Swatch(NamedTuple):
    """The id of a pattern in the page, its ground colour, and the path and colour of its ink."""

    id: str
    ground: str
    path: str
    ink: str


_KINDS = {
    "speech": Swatch("speech", "#b9b4c0", _PATTERNS[3], "#5d5866"),
    "uncertain": Swatch("uncertain", "#d8d5d0", _PATTERNS[4], "#a29d95"),
    "silence": Swatch("silence", "#f4f1ea", "M4 4 h2 v2 h-2 z", "#6b6672"),
    "no_signal": Swatch("no-signal", "#6d6a75", "M0 0 L10 10 M10 0 L0 10", "#f4f1ea"),
    "paused": Swatch("paused", "#8c8894", "M2 0 V10 M5 0 V10", "#e8e5df"),
    "down": Swatch("down", "#2b2830", "M-2 8 L8 -2 M3 13 L13 3", "#f4f1ea"),
    "not_recorded": Swatch("not-recorded", "none", "M0 5 H5", "#8c8894"),
    "to_come": Swatch("to-come", "none", "", "none"),
}


def swatches(categories: Iterable[Category]) -> dict[Category, Swatch]:
    """A swatch for each category; genres that do not ship take what the others leave, by name."""
    given = sorted(set(categories))
    genres = [category.name for category in given if category.kind not in _KINDS]
    order = [*_GENRES, *(name for name in genres if name not in _GENRES)]
    return {category: _KINDS.get(category.kind) or _genre(order.index(category.name)) for category in given}


def definitions(used: Iterable[Swatch]) -> str:
    """The patterns as SVG, for the page's `defs`."""
    return "".join(
        f'<pattern id="{swatch.id}" width="10" height="10" patternUnits="userSpaceOnUse">'
        f'<rect width="10" height="10" fill="{swatch.ground}"/>'
        f'<path d="{swatch.path}" fill="none" stroke="{swatch.ink}" stroke-width="1.6"/></pattern>'
        for swatch in sorted(set(used))
    )


def _genre(place: int) -> Swatch:
    hue = _HUES[place % len(_HUES)]
    ink = "#" + "".join(f"{int(hue[first : first + 2], 16) * 5 // 9:02x}" for first in (1, 3, 5))
    return Swatch(f"genre-{place}", hue, _PATTERNS[place % len(_PATTERNS)], ink)
