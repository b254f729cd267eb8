"""The slugs that networks are trained on, from names of genres as people write them on folders."""

import re
import unicodedata

from ccmusic_stream import genre_names
from ccmusic_stream.errors import CcmusicError


class GenreNames(genre_names.GenreNames):
    """Gives folder names their slugs; a name that is not known becomes a slug of itself."""

    def slug(self, name: str) -> str:
        """The slug of a genre's name: "Hip-Hop" → hip_hop, "Drum & Bass" → drum_bass.

        Raises:
            GenreNameError: nothing of the name can be written in a slug.
        """
        known = self.known(name)
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
