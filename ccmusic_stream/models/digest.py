"""Hashes of weight files: whether one is what its bundle says. Free of torch."""

import hashlib
from pathlib import Path

from ccmusic_stream.errors import CheckpointError
from ccmusic_stream.models.bundle import ModelSpec


def check_file(spec: ModelSpec) -> None:
    """Raise `CheckpointError` when the model's file is missing or has another hash than the bundle says."""
    if spec.file is None:
        return
    path = spec.folder / spec.file
    found = sha256_of(path)
    if found != spec.sha256:
        raise CheckpointError(f"{path}: has the SHA-256 {found}, the bundle expects {spec.sha256}")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal. Raises `CheckpointError` when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from None
