"""Names of genres as people write them on folders, and the slugs that networks are trained on."""

import re
import unicodedata
from collections.abc import Iterable

from ccmusic_stream.errors import CcmusicError
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


class GenreNames:
    """Gives folder names their slugs.

    With `labels`, their slugs and their English and Chinese names are known, and an alias counts only where they have
    its genre; without, every alias counts. A name that is not known becomes a slug of itself.
    """

    def __init__(self, labels: Iterable[Label] | None = None) -> None:
        own = None if labels is None else tuple(labels)
        self._slugs = {_bare(name): slug for name, slug in _SLUG_OF.items() if own is None or _has(own, slug)}
        for label in own or ():
            self._slugs |= {_bare(name): label.slug for name in (label.slug, label.en, label.zh)}

    def slug(self, name: str) -> str:
        """The slug of a genre's name: "Hip-Hop" → hip_hop, "Drum & Bass" → drum_bass.

        Raises:
            GenreNameError: nothing of the name can be written in a slug.
        """
        known = self._slugs.get(_bare(name))
        if known is not None:
            return known
        latin = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "_", latin).strip("_")[:64]
        if not slug:
            raise GenreNameError(name)
        return slug


class GenreNameError(CcmusicError):
    """A folder's name holds no Latin letter and is not the name of a label."""

    exit_code = 66

    def __init__(self, name: str) -> None:
        super().__init__(f"the genre folder {name!r} has no letter from a to z and is no label's name: rename it")


def _has(labels: tuple[Label, ...], slug: str) -> bool:
    return any(label.slug == slug for label in labels)


def _bare(name: str) -> str:
    """Letters and digits alone, in lower case."""
    return "".join(letter for letter in unicodedata.normalize("NFKC", name).casefold() if letter.isalnum())
