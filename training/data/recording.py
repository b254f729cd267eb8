"""One labelled recording."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

SplitName = Literal["train", "validation"]

SUFFIXES = frozenset({".wav", ".mp3", ".flac", ".ogg", ".opus", ".m4a", ".aac", ".aif", ".aiff", ".au"})


@dataclass(frozen=True, slots=True)
class Recording:
    """A file and what is known of it.

    `genre` is a slug; `artist` is "" when not known; `track` is a key that all recordings of one track share; `source`
    is "real" (excerpts with a list of sources), "composed", or the name of the folder; `split` is the side that the
    folder puts it on, None where it says nothing.
    """

    path: Path
    genre: str
    artist: str
    track: str
    source: str
    split: SplitName | None
