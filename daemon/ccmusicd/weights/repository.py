"""A model repository on the Hugging Face hub: which files it has, and each fetched whole, resumed and hash-checked.

Downloads go through `huggingface_hub`, but for the partial file: that library throws away what a cut download left, so
it is kept here, under the hash of the whole file, and the next call asks for the rest.
"""

import contextlib
import fcntl
import hashlib
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self, cast

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]  # it is public, and loaded lazily

from ccmusic_stream.errors import CcmusicError, CheckpointError
from ccmusicd import __version__

OnProgress = Callable[[int], None]
"""Told how many bytes of a file are there."""

_CHUNK_BYTES = 1 << 20
_ANSWER_TIMEOUT_S = 20.0


class PullError(CcmusicError):
    """A repository cannot be read now; `exit_code` says whether it is missing, refused, or to be tried again."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository. `sha256` is None where it is not kept in LFS; then `git_sha1` names the content."""

    path: str
    bytes: int
    sha256: str | None
    git_sha1: str | None


class Repository:
    """One commit of a repository: `files` by path."""

    def __init__(self, name: str, revision: str | None) -> None:
        """Ask the hub what there is. Raises `PullError`."""
        self.name = name
        logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # its warnings say what the errors here say
        hub = HfApi(library_name="ccmusicd", library_version=__version__)
        with _as_pull_errors(name, revision):
            try:
                info = hub.model_info(name, revision=revision, files_metadata=True, timeout=_ANSWER_TIMEOUT_S)
            except HFValidationError:
                raise
            except (ValueError, KeyError, TypeError):  # a login page of a network, another service
                raise PullError(f"{hub.endpoint} answers as no hub does", os.EX_UNAVAILABLE) from None
        self.commit = str(info.sha)
        self.files: Mapping[str, RemoteFile] = {
            one.rfilename: RemoteFile(one.rfilename, one.size or 0, one.lfs.sha256 if one.lfs else None, one.blob_id)
            for one in info.siblings or []
        }

    def fetch(self, file: RemoteFile, folder: Path, on_progress: OnProgress) -> Path:
        """The file, whole and of the right hash, somewhere in `folder`; the caller moves or removes it.

        What an earlier call left there is not asked for again.

        Raises:
            PullError: the connection failed, or the disk; what came is kept.
            CheckpointError: the content is not of the hash that the hub tells; it is removed.
        """
        content = file.sha256 or file.git_sha1
        if content is None:
            raise CheckpointError(f"{self.name}/{file.path}: the hub tells no hash of it")
        unfinished = folder / f"{content}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with unfinished.open("ab") as part:
                _lock(part, file)
                self._get(file, part, on_progress)
        except OSError as error:
            raise PullError(
                f"{file.path} cannot be written to {folder}: {error.strerror}; the same command goes on there",
                os.EX_TEMPFAIL,
            ) from None
        self._check(file, unfinished)
        return unfinished

    def _get(self, file: RemoteFile, part: BinaryIO, on_progress: OnProgress) -> None:
        have = part.tell()
        if have > file.bytes:
            have = part.seek(0)
            part.truncate()
        on_progress(have)
        url = hf_hub_url(self.name, file.path, revision=self.commit)
        # Compressed on the way, the bytes could not be counted.
        headers = build_hf_headers(library_name="ccmusicd", library_version=__version__) | {
            "Accept-Encoding": "identity"
        }
        counted = cast("BinaryIO", _Counted(part, on_progress))
        with _as_pull_errors(self.name, self.commit, f"{file.path}: "):
            http_get(
                url,
                counted,
                resume_size=have,
                headers=headers,
                expected_size=file.bytes,
                tqdm_class=cast("Any", _NoBar),  # alike enough: no more is asked of it
            )

    def _check(self, file: RemoteFile, path: Path) -> None:
        digest = hashlib.sha256()
        expected = file.sha256
        if expected is None:
            # git's name of a content: the hash of its kind, its length and itself.
            digest = hashlib.sha1(f"blob {file.bytes}\0".encode(), usedforsecurity=False)
            expected = file.git_sha1 or ""
        with path.open("rb") as content:
            while chunk := content.read(_CHUNK_BYTES):
                digest.update(chunk)
        if digest.hexdigest() != expected:
            path.unlink()
            kind = "SHA-1 of git" if file.sha256 is None else "SHA-256"
            raise CheckpointError(
                f"{self.name}/{file.path}: came with the {kind} {digest.hexdigest()}, "
                f"the hub says {expected or 'none'}; it was removed"
            )


class _Counted:
    """A file that tells how long it is after each write; `http_get` writes in order."""

    def __init__(self, file: BinaryIO, on_progress: OnProgress) -> None:
        self._file = file
        self._on_progress = on_progress

    def write(self, content: bytes) -> int:
        written = self._file.write(content)
        self._on_progress(self._file.tell())
        return written

    def tell(self) -> int:
        return self._file.tell()

    def seek(self, offset: int) -> int:
        return self._file.seek(offset)

    def truncate(self) -> int:
        return self._file.truncate()


class _NoBar:
    """In the place of the hub's own progress bar."""

    def __init__(self, **_options: object) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def update(self, _bytes: int) -> None:
        pass


def _lock(part: BinaryIO, file: RemoteFile) -> None:
    """Until it is closed."""
    try:
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PullError(f"{file.path} is being fetched by another process", os.EX_TEMPFAIL) from None


@contextlib.contextmanager
def _as_pull_errors(name: str, revision: str | None, of: str = "") -> Iterator[None]:
    """The hub's errors as one sentence and an exit status each."""
    hub = constants.ENDPOINT
    try:
        yield
    except HFValidationError as error:
        raise PullError(f"{name!r} is no name of a repository: {str(error).splitlines()[0]}", os.EX_USAGE) from None
    except OfflineModeIsEnabled:
        raise PullError(f"{of}HF_HUB_OFFLINE forbids asking {hub}", os.EX_UNAVAILABLE) from None
    except RevisionNotFoundError:
        raise PullError(f"{of}{hub} has no revision {revision!r} of {name}", os.EX_NOINPUT) from None
    except HfHubHTTPError as error:
        raise _refusal(error, f"{of}{hub}", name) from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        reason = str(error) or type(error).__name__
        raise PullError(
            f"{of}{hub} cannot be reached ({reason}); the same command goes on where it stopped",
            os.EX_TEMPFAIL if of else os.EX_UNAVAILABLE,
        ) from None
    except OSError as error:
        if error.errno is not None:
            raise
        # http_get's check of the length, in many words
        raise PullError(
            f"{of}{hub} sent another length than it told; the same command goes on where it stopped", os.EX_TEMPFAIL
        ) from None


def _refusal(error: HfHubHTTPError, hub: str, name: str) -> PullError:
    status = error.response.status_code
    if isinstance(error, GatedRepoError):
        return PullError(
            f"{hub} gives {name} only to those it was granted to: ask for it there, and set HF_TOKEN", os.EX_UNAVAILABLE
        )
    if status == httpx2.codes.UNAUTHORIZED:
        return PullError(
            f"{hub} answers 401 for {name}: it does not exist, or wants a login; set HF_TOKEN", os.EX_UNAVAILABLE
        )
    if isinstance(error, RepositoryNotFoundError) or status == httpx2.codes.NOT_FOUND:
        return PullError(f"{hub} has no {name}", os.EX_NOINPUT)
    if status == httpx2.codes.TOO_MANY_REQUESTS or status >= httpx2.codes.INTERNAL_SERVER_ERROR:
        return PullError(
            f"{hub} answers {status} for {name}; the same command, later, goes on where it stopped", os.EX_TEMPFAIL
        )
    return PullError(f"{hub} answers {status} for {name}", os.EX_UNAVAILABLE)
