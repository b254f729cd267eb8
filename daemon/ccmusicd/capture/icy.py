"""Network radio over HTTP: a file-like stream of audio, with the ICY titles taken out of it.

PyAV reads metadata once, when it opens; stations change their title every song. So the bytes are fetched here, with
deadlines of our own, and PyAV only ever sees the audio.
"""

import base64
import contextlib
import http.client
import io
import re
import socket
import ssl
import time
import unicodedata
from collections.abc import Callable
from typing import Any
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from ccmusicd import __version__
from ccmusicd.capture.output import SourceError
from ccmusicd.capture.spec import redact

USER_AGENT = f"ccmusic-stream/{__version__}"
TITLE_LENGTH = 256

_REDIRECTS = 5
_REDIRECT_CODES = {301, 302, 303, 307, 308}
_MIN_BYTES_PER_S = 100
"""Below any audio codec's rate, silence included: a server that sends less is stalling."""
_PROBE_BYTES = 16 * 2**20
"""What may be read before audio is recognised; the largest cover pictures in tags stay below it."""
_BIDI_CONTROLS = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Spaces are given back to nobody ("*+"): else one block of quotes and spaces would be looked at for half a minute.
_STREAM_TITLE = re.compile(r"StreamTitle='(.*?)'(?=\s*+;\s*+[A-Za-z]\w*=|\s*+;?\s*+\Z)", re.DOTALL)


def _text_of(header: str) -> str:
    """A header as people wrote it: http.client reads its bytes as Latin-1, and most servers send UTF-8."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header


def clean_title(text: str) -> str:
    """A title for one line on a screen: no control characters, single spaces, at most 256 characters."""
    plain = "".join(" " if unicodedata.category(c) == "Cc" or c in _BIDI_CONTROLS else c for c in text)
    return " ".join(plain.split())[:TITLE_LENGTH]


def stream_title(metadata: bytes) -> str | None:
    """The title in a block of ICY metadata, quotes within it included; None when the block holds none.

    The bytes have no declared encoding: UTF-8, damaged or not, is recognised by its multi-byte characters, and
    everything else is Latin-1.
    """
    text = metadata.rstrip(b"\0").decode("utf-8", "replace")
    if "\ufffd" in text and not any(c > "\x7f" and c != "\ufffd" for c in text):
        text = metadata.rstrip(b"\0").decode("latin-1")
    found = _STREAM_TITLE.search(text)
    return clean_title(found[1]) if found else None


class HttpStream:
    """The body of one HTTP address as a file that PyAV can read; seekable where the server offers ranges.

    `on_title` is called with each ICY title. Every wait is bounded: connecting and everything until `opened()` by
    `open_timeout_s`, later each read by `read_timeout_s`, and a trickle below 100 bytes a second counts as silence.

    Raises:
        SourceError: the address cannot be opened, or stalls.
    """

    def __init__(
        self, url: str, *, open_timeout_s: float, read_timeout_s: float, on_title: Callable[[str], None]
    ) -> None:
        self.url = url
        self.length: int | None = None
        self.content_type = ""
        self.genre = ""
        """What the station says of itself in `icy-genre`; a stranger's text, of one line."""

        self._read_timeout_s = read_timeout_s
        self._on_title = on_title
        self._deadline: float | None = time.monotonic() + open_timeout_s
        self._open_timeout_s = open_timeout_s
        self._ahead = b""  # bytes that `peek` took
        self._position = 0  # of the next byte that `read` gives, counted without metadata
        self._seek_to: int | None = None
        self._ranges = False
        self._interval = 0  # audio bytes between two blocks of metadata, 0 without metadata
        self._until_metadata = 0
        self._wire: _Wire
        self._response: http.client.HTTPResponse
        self._open(offset=0)

    @property
    def name(self) -> str:
        """The last part of the path: its ending helps to recognise the format."""
        return urlsplit(self.url).path.rsplit("/", 1)[-1] or "stream"

    def opened(self) -> None:
        """Audio was recognised: from here on only `read_timeout_s` counts."""
        self._deadline = None
        self._wire.deadline = None

    def peek(self, size: int) -> bytes:
        """Up to `size` first bytes, fewer only at the end of the body; `read` gives them again."""
        while len(self._ahead) < size and (more := self._read_audio(size - len(self._ahead))):
            self._ahead += more
        return self._ahead[:size]

    def readable(self) -> bool:
        """True: asked by PyAV."""
        return True

    def seekable(self) -> bool:
        """Whether the server gives parts of a body of known length."""
        return self._ranges and self.length is not None and not self._interval

    def tell(self) -> int:
        """The position of the next byte."""
        return self._position if self._seek_to is None else self._seek_to

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to another place; the server is asked when something is read there."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self.length or 0}[whence]
        self._seek_to = base + offset
        return self._seek_to

    def read(self, size: int) -> bytes:
        """Up to `size` bytes of audio as soon as there are any; empty at the end."""
        if self._seek_to is not None and self._seek_to != self._position:
            self._reopen(self._seek_to)
        self._seek_to = None
        if self._ahead:
            data, self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            data = self._read_audio(size)
        self._position += len(data)
        if self._deadline is not None and self._position > _PROBE_BYTES:
            raise SourceError(f"{redact(self.url)} sent {_PROBE_BYTES >> 20} MiB without recognisable audio.")
        if not data and self.length is not None and self._position < self.length:
            raise SourceError(f"{redact(self.url)} ended after {self._position} bytes, expected {self.length}.")
        return data

    def close(self) -> None:
        """Hang up."""
        with contextlib.suppress(ValueError):  # its wire is closed already: it could not be opened at another place
            self._response.close()
        self._wire.close()

    def _reopen(self, offset: int) -> None:
        self.close()
        self._ahead = b""
        self._position = offset
        if self.length is not None and offset >= self.length:
            self._response = _EndOfBody()  # type: ignore[assignment]  # reads as empty
        else:
            self._open(offset)

    def _read_audio(self, size: int) -> bytes:
        try:
            if not self._interval:
                return self._response.read1(size)
            if not self._until_metadata:
                self._read_metadata()
                self._until_metadata = self._interval
            data = self._response.read1(min(size, self._until_metadata))
        except http.client.HTTPException:  # of a body in chunks
            raise SourceError(f"{redact(self.url)} broke off within a chunk, or sent none.") from None
        self._until_metadata -= len(data)
        return data

    def _read_metadata(self) -> None:
        length = self._response.read(1)
        size = 16 * length[0] if length else 0
        if size and (title := stream_title(self._response.read(size))) is not None:
            self._on_title(title)

    def _open(self, offset: int) -> None:
        first = urlsplit(self.url)
        for _ in range(_REDIRECTS + 1):
            parts = urlsplit(self.url)
            self._request(parts, offset, with_credentials=parts.hostname == first.hostname, first=first)
            if self._response.status not in _REDIRECT_CODES:
                self._accept(offset)
                return
            self._follow(parts)
        raise SourceError(f"{redact(first.geturl())} redirects more than {_REDIRECTS} times.")

    def _request(self, parts: SplitResult, offset: int, *, with_credentials: bool, first: SplitResult) -> None:
        user = parts if parts.username is not None else first
        headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Icy-MetaData": "1", "Connection": "close"}
        if user.username is not None and with_credentials:
            pair = f"{unquote(user.username)}:{unquote(user.password or '')}".encode()
            headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        if offset:
            headers["Range"] = f"bytes={offset}-"
        self._wire = self._connect(parts)
        try:
            self._wire.send(_request_bytes(parts, headers))
            self._response = http.client.HTTPResponse(_IcySocket(self._wire))  # type: ignore[arg-type]  # has makefile
            self._response.begin()
        except (OSError, http.client.HTTPException) as error:
            self._wire.close()
            raise SourceError(f"{redact(self.url)} does not answer as an HTTP server: {_reason(error)}.") from None

    def _connect(self, parts: SplitResult) -> "_Wire":
        port = parts.port or (443 if parts.scheme == "https" else 80)
        left = self._open_timeout_s if self._deadline is None else max(self._deadline - time.monotonic(), 0.1)
        try:
            sock = socket.create_connection((parts.hostname or "", port), timeout=left)
            if parts.scheme == "https":
                sock = ssl.create_default_context().wrap_socket(sock, server_hostname=parts.hostname)
        except (OSError, UnicodeError) as error:  # the latter of a host that cannot be a name, as a..b
            raise SourceError(f"{redact(self.url)} cannot be reached: {_reason(error)}.") from None
        return _Wire(sock, redact(self.url), self._read_timeout_s, self._deadline)

    def _follow(self, parts: SplitResult) -> None:
        location = self._response.headers.get("Location", "")
        self.close()
        try:
            target = urljoin(parts.geturl(), location)
            there = urlsplit(target)
            usable = there.scheme in {"http", "https"} and bool(there.hostname) and there.port != 0
        except ValueError:  # half an IPv6 address, a port that is none
            usable = False
        if not usable:
            raise SourceError(f"{redact(self.url)} redirects to {redact(location)!r}: expected an http(s) address.")
        self.url = target

    def _accept(self, offset: int) -> None:
        response = self._response
        if response.status != (206 if offset else 200):
            self.close()
            raise SourceError(f"{redact(self.url)} answers {response.status} {response.reason}.")
        if offset:
            return
        headers = response.headers
        self.content_type = headers.get_content_type() if "Content-Type" in headers else ""
        self.genre = clean_title(_text_of(headers.get("icy-genre", "")))
        self.length = response.length
        self._ranges = headers.get("Accept-Ranges", "") == "bytes"
        with contextlib.suppress(ValueError):
            self._interval = self._until_metadata = max(int(headers.get("icy-metaint", "0")), 0)


class _EndOfBody:
    """Reads as empty: the place after the last byte."""

    status = 206

    def read1(self, size: int) -> bytes:
        return b""[:size]

    def close(self) -> None:
        pass


class _Wire(io.RawIOBase):
    """A socket as a raw file, in which waiting is measured and bounded."""

    def __init__(self, sock: socket.socket, name: str, read_timeout_s: float, deadline: float | None) -> None:
        super().__init__()
        self.deadline = deadline
        self._sock = sock
        self._name = name
        self._read_timeout_s = read_timeout_s
        self._waited_s = 0.0  # since the trickle's last account
        self._bytes = 0

    def readable(self) -> bool:
        return True

    def send(self, data: bytes) -> None:
        self._sock.sendall(data)

    def readinto(self, buffer: Any) -> int:
        began = time.monotonic()
        limit = self._read_timeout_s - self._waited_s
        if self.deadline is not None:
            limit = min(limit, self.deadline - began)
        try:
            self._sock.settimeout(max(limit, 0.001))
            count = self._sock.recv_into(buffer)
        except TimeoutError:
            raise SourceError(self._silence()) from None
        except OSError as error:
            raise SourceError(f"{self._name} broke off: {_reason(error)}.") from None
        # Only the time spent waiting counts: a reader that is slow itself must not blame the server.
        self._waited_s += time.monotonic() - began
        self._bytes += count
        if self._bytes >= _MIN_BYTES_PER_S * self._read_timeout_s:
            self._waited_s, self._bytes = 0.0, 0
        return count

    def _silence(self) -> str:
        if self.deadline is not None and time.monotonic() >= self.deadline:
            return f"{self._name} sent nothing recognisable as audio in time."
        return f"{self._name} is stalled: {self._bytes} bytes in {self._read_timeout_s:g} s."

    def close(self) -> None:
        self._sock.close()
        super().close()


class _IcySocket:
    """What HTTPResponse takes for a socket; the status line of old servers, "ICY 200 OK", reads as HTTP/1.0."""

    def __init__(self, wire: _Wire) -> None:
        self._wire = wire

    def makefile(self, _mode: str) -> io.BufferedIOBase:
        reader = io.BufferedReader(self._wire, 16_384)
        if reader.peek(4)[:4] != b"ICY ":
            return reader
        reader.read(3)
        return io.BufferedReader(_Prefixed(b"HTTP/1.0", reader), 16_384)


class _Prefixed(io.RawIOBase):
    """A file with a few bytes put in front."""

    def __init__(self, prefix: bytes, rest: io.BufferedIOBase) -> None:
        super().__init__()
        self._prefix = prefix
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._prefix[: len(buffer)] or self._rest.read1(len(buffer))
        self._prefix = self._prefix[len(buffer) :]
        buffer[: len(data)] = data
        return len(data)


def _request_bytes(parts: SplitResult, headers: dict[str, str]) -> bytes:
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    lines = [f"GET {target} HTTP/1.1", f"Host: {host}", *(f"{key}: {value}" for key, value in headers.items())]
    # A redirect's address comes from a stranger: nothing in it may start a header of its own.
    return "\r\n".join(re.sub(r"[\r\n]", "", line) for line in lines).encode("utf-8") + b"\r\n\r\n"


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
