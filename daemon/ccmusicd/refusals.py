"""What `classify` refuses before it loads torch and the networks, which takes a quarter of a minute."""

import os
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from ccmusic_stream.errors import CcmusicError
from ccmusicd.capture.media import check_file
from ccmusicd.capture.output import SourceError


class PicturesError(CcmusicError):
    """A picture cannot be written."""

    exit_code = os.EX_CANTCREAT


def make_folder(folder: Path) -> None:
    """Make a folder for pictures, and those above it.

    Raises:
        PicturesError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PicturesError(f"{folder} cannot be made for the pictures: {error.strerror}") from None


def none_can_be_opened(files: Sequence[str]) -> bool:
    """Whether no file can be opened as a recording; then each is told on stderr, and otherwise nothing."""
    reasons = {}
    for file in files:
        try:
            check_file(file)
        except SourceError as error:
            reasons[file] = error
        else:
            return False
    errors = Console(stderr=True)
    for file, reason in reasons.items():
        tell_refused(errors, file, reason)
    return True


def tell_refused(errors: Console, file: str, reason: CcmusicError) -> None:
    """Tell on `errors` why a file was not classified."""
    errors.print(f"{file}: {reason}", style="red", markup=False, highlight=False, soft_wrap=True)
