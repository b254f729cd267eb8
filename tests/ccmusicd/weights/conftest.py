"""Weight files of a small network, and a hub on the loopback that speaks the protocol as far as downloads need it."""

import hashlib
import io
import json
import re
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import huggingface_hub
import pytest
import torch
from huggingface_hub import constants
from torch import Tensor

from ccmusic_stream.models.backbones import build

COMMIT = "c0ffee" + "0" * 34
CLASSES = 16


class Hub(ThreadingHTTPServer):
    """One repository, `studio/genres`, and whatever a test wants to go wrong."""

    daemon_threads = True
    block_on_close = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files: dict[str, bytes] = {}
        self.in_git: set[str] = set()
        """Files that are not kept in LFS."""
        self.told: dict[str, str] = {}
        """Another SHA-256 than a file's own."""
        self.cuts: dict[str, int] = {}
        """After how many bytes the next answer with a file is cut."""
        self.broken: set[str] = set()
        """Files that get 503."""
        self.broken_once_cut = False
        """Whether a file that was cut becomes one of them."""
        self.error: tuple[int, str] | None = None
        """Status and `X-Error-Code` of every answer about the repository."""
        self.page = b""
        """What is answered in the place of JSON."""
        self.fetches: list[tuple[str, str | None]] = []
        """Each GET of a file: its path, and the `Range` that was asked for."""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's signature
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        described = re.fullmatch(r"/api/models/studio/genres(?:/revision/(.+))?", path)
        resolved = re.fullmatch(rf"/studio/genres/resolve/{COMMIT}/(.+)", path)
        blob = re.fullmatch(r"/blobs/(.+)", path)
        if self.server.error is not None and not blob:
            status, code = self.server.error
            self._send(status, b'{"error": "planted"}', {"X-Error-Code": code} if code else {})
        elif described and described[1] in {None, "main", COMMIT}:
            self._send(HTTPStatus.OK, self.server.page or json.dumps(self._info()).encode())
        elif described:
            self._send(HTTPStatus.NOT_FOUND, b"", {"X-Error-Code": "RevisionNotFound"})
        elif resolved and resolved[1] in self.server.files:
            self._resolve(resolved[1])
        elif blob:
            self._content(blob[1])
        else:
            self._send(HTTPStatus.NOT_FOUND, b"", {"X-Error-Code": "EntryNotFound" if resolved else "RepoNotFound"})

    def _info(self) -> dict[str, Any]:
        return {
            "id": "studio/genres",
            "sha": COMMIT,
            "siblings": [self._sibling(path) for path in self.server.files],
        }

    def _sibling(self, path: str) -> dict[str, Any]:
        content = self.server.files[path]
        sibling: dict[str, Any] = {"rfilename": path, "size": len(content), "blobId": _git_sha1(content)}
        if path not in self.server.in_git:
            sibling["lfs"] = {"size": len(content), "sha256": self._sha256(path), "pointerSize": 134}
        return sibling

    def _sha256(self, path: str) -> str:
        return self.server.told.get(path, hashlib.sha256(self.server.files[path]).hexdigest())

    def _resolve(self, path: str) -> None:
        linked = {
            "X-Repo-Commit": COMMIT,
            "X-Linked-Etag": f'"{self._sha256(path)}"',
            "X-Linked-Size": str(len(self.server.files[path])),
        }
        if path in self.server.in_git:
            self._content(path, linked)
        else:
            self._send(HTTPStatus.FOUND, b"", linked | {"Location": f"{self.server.address}/blobs/{path}"})

    def _content(self, path: str, headers: dict[str, str] | None = None) -> None:
        if self.command == "GET":
            self.server.fetches.append((path, self.headers["Range"]))
        content = self.server.files[path]
        if path in self.server.broken:
            self._send(HTTPStatus.SERVICE_UNAVAILABLE, b"")
            return
        start = int(self.headers["Range"].removeprefix("bytes=").removesuffix("-")) if self.headers["Range"] else 0
        span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"} if start else {}
        status = HTTPStatus.PARTIAL_CONTENT if start else HTTPStatus.OK
        cut = self.server.cuts.pop(path, None)
        if cut is not None and self.server.broken_once_cut:
            self.server.broken.add(path)
        self._send(status, content[start:], {"ETag": f'"{_git_sha1(content)}"', **span, **(headers or {})}, cut=cut)

    def _send(
        self, status: int, content: bytes, headers: dict[str, str] | None = None, *, cut: int | None = None
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[:cut])
        self.close_connection = cut is not None


def _git_sha1(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A running hub, to which the library in this process turns."""
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    monkeypatch.setattr(constants, "ENDPOINT", server.address)
    template = server.address + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    yield server
    huggingface_hub.close_session()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def own_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the user's bundles are kept; the real ones must not matter."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "ccmusic-stream" / "bundles"


@pytest.fixture(scope="session")
def upstream() -> dict[str, Tensor]:
    """The state dict of a mobilenet_v3_large with upstream's head and 16 classes. Read only: change a copy."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(7)
        return build("mobilenet_v3_large", "ccmusic", CLASSES).state_dict()


@pytest.fixture(scope="session")
def upstream_file(upstream: dict[str, Tensor]) -> bytes:
    """The same as `torch.save` writes it."""
    buffer = io.BytesIO()
    torch.save(upstream, buffer)
    return buffer.getvalue()
