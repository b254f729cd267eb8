"""What the targets share: what a target is, and a folder for those that need files."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Target:
    """Something that takes bytes from outside.

    `seeds` are inputs that go deep, `tokens` pieces that mean something to the parser.
    """

    run: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    tokens: tuple[bytes, ...]


@cache
def scratch_folder() -> Path:
    """For all that needs files; it goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="ccmusic-fuzz-")
    _kept.append(folder)
    return Path(folder.name)


_kept: list[tempfile.TemporaryDirectory[str]] = []
