"""Files that are replaced as a whole."""

import os
import tempfile
from pathlib import Path


def write_whole(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file so that every reader finds all of the old or all of the new one; `mode` whatever the mask. Blocks.

    Raises:
        OSError: it cannot be written; the old one is still there, and nothing else.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
