"""Colours and patterns of categories."""

import re
from itertools import combinations

from ccmusicd.export.day import KINDS, Category
from ccmusicd.export.swatches import definitions, swatches

SHIPPED = [
    *("rock", "jazz", "classical", "pop", "electronic", "hip hop", "folk", "metal", "rnb", "reggae", "world", "ambient")
]


def genres(*names: str) -> list[Category]:
    return [Category("music", name) for name in names]


def test_no_two_look_alike() -> None:
    categories = genres(*SHIPPED, *(f"genre {number}" for number in range(30)))
    categories += [Category(kind, kind) for kind in KINDS[1:]]
    looks = swatches(categories)
    seen = [(look.ground, look.path) for look in looks.values()]
    assert len(set(seen)) == len(seen) == 42 + 8
    assert len({look.id for look in looks.values()}) == len(seen)


def test_shipped_genres_look_the_same_on_every_day() -> None:
    everything = swatches(genres(*SHIPPED))
    assert all(
        swatches(genres(name, "zouk"))[Category("music", name)] == everything[Category("music", name)]
        for name in SHIPPED
    )


def test_neighbours_differ_in_colour_and_in_pattern() -> None:
    looks = list(swatches(genres(*SHIPPED[:6])).values())
    assert all(one.ground != other.ground and one.path != other.path for one, other in combinations(looks, 2))


def test_every_look_is_defined_once() -> None:
    looks = swatches([*genres("rock", "jazz"), Category("silence", "silence")])
    assert re.findall(r'<pattern id="([^"]+)"', definitions([*looks.values()] * 2)) == sorted(
        look.id for look in looks.values()
    )
