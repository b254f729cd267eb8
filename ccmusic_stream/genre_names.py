"""Names of genres as people write them, on folders, in calendars and in streams, and the labels that they mean."""

import re
import unicodedata
from collections.abc import Iterable

from ccmusic_stream.labels import Label

_ALIASES = {
    "classical": ("classic", "classicalmusic"),
    "electronic": ("electronica", "edm", "electronicdance"),
    "hip_hop": ("hiphop", "rap", "hiphoprap", "raphiphop"),
    "metal": ("heavymetal",),
    "rnb": ("rb", "randb", "rhythmandblues", "rhythmblues", "soul", "soulrnb", "soulrb", "rnbsoul", "rbsoul"),
    "world": ("international", "worldmusic", "ethnic"),
    "speech": ("spoken", "spokenword", "talk", "voice"),
}
"""Other names of a genre, written without spaces and marks; only those that mean the same, no subgenres."""

_SLUG_OF = {name: slug for slug, names in _ALIASES.items() for name in names}
_MUSIC = ("music", "音乐", "乐")
_LONGEST = 256
_MOST_WORDS = 16


class GenreNames:
    """Knows genres by their names.

    With `labels`, their slugs and their English and Chinese names are known, and an alias counts only where they have
    its genre; without, every alias counts.
    """

    def __init__(self, labels: Iterable[Label] | None = None) -> None:
        own = None if labels is None else tuple(labels)
        self._slugs = {bare(name): slug for name, slug in _SLUG_OF.items() if own is None or _has(own, slug)}
        for label in own or ():
            self._slugs |= {bare(name): label.slug for name in (label.slug, label.en, label.zh)}
        self._families: dict[str, set[str]] = {}
        for label in own or ():
            if label.parent is not None:
                for name in _same(bare(label.parent)):
                    self._families.setdefault(name, set()).add(label.slug)

    def known(self, name: str) -> str | None:
        """The slug of one genre's name: "Hip-Hop" is hip_hop; None when it is not known."""
        return self._slugs.get(bare(name))

    def meant(self, text: str) -> frozenset[str]:
        """The slugs that a free text may mean: "Smooth Jazz, Blues/Soul", "Classic Rock", "爵士乐".

        Parts are divided by commas, semicolons, slashes and bars. A part that is not known as a whole is looked
        through for words that are, the last first, as the noun of "Classic Rock" is rock. The name of a wider genre
        means all its labels. Empty when nothing is known, as of "Various" or "Top 40".
        """
        parts = re.split(r"[,;/|、\uff0c\uff1b]+", text[:_LONGEST])
        return frozenset().union(*(self._part(part) for part in parts), self._whole(text[:_LONGEST]))

    def _part(self, part: str) -> frozenset[str]:
        words = re.split(r"[\s_-]+", part.strip())[:_MOST_WORDS]
        for end in range(len(words), 0, -1):
            for start in range(end):
                found = self._whole(" ".join(words[start:end]))
                if found:
                    return found
        return frozenset()

    def _whole(self, name: str) -> frozenset[str]:
        plain = bare(name)
        for written in (plain, *(plain.removesuffix(ending) for ending in _MUSIC)):
            family = self._families.get(written, set())
            own = self._slugs.get(written)
            if family or own:
                return frozenset(family | ({own} if own else set()))
        return frozenset()


def bare(name: str) -> str:
    """Letters and digits alone, in lower case."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", name).casefold() if letter.isalnum())


def _same(name: str) -> set[str]:
    """A genre's name and all others that mean the same."""
    slug = _SLUG_OF.get(name) or next((slug for slug in _ALIASES if bare(slug) == name), None)
    return {name} if slug is None else {name, bare(slug), *_ALIASES[slug]}


def _has(labels: tuple[Label, ...], slug: str) -> bool:
    return any(label.slug == slug for label in labels)
