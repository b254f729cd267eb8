"""Network radio and raw PCM, as a server or a pipe may send them."""

import contextlib
import os
import socket
import unicodedata
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from ccmusicd.capture.icy import HttpStream, stream_title
from ccmusicd.capture.output import Output, SourceError
from ccmusicd.capture.pcm import SAMPLE_FORMATS, RawFormat, play
from tests.fuzz.target import Target


def icy_titles(data: bytes) -> None:
    """A block of ICY metadata, at most 4,080 bytes."""
    title = stream_title(data[:4080])
    if title is not None:
        assert len(title) <= 256
        assert "  " not in title
        assert not any(unicodedata.category(char) in {"Cc", "Zl", "Zp"} for char in title)


def icy_stream(data: bytes) -> None:
    """All that a server sends, over up to three connections: answers are divided by a line of ten equal signs."""
    answers = iter(data.split(b"==========\n"))
    titles: list[str] = []

    def connected(address: tuple[str, int], **_: Any) -> socket.socket:
        with contextlib.suppress(socket.gaierror):  # a name: what real look-ups refuse before they ask is refused here
            socket.getaddrinfo(*address, flags=socket.AI_NUMERICHOST)
        ours, theirs = socket.socketpair()
        servers.callback(theirs.close)
        theirs.sendall(next(answers, b"")[:60_000])
        theirs.shutdown(socket.SHUT_WR)
        return ours

    with (
        contextlib.ExitStack() as servers,
        mock.patch("socket.create_connection", connected),
        contextlib.suppress(SourceError),
    ):
        stream = HttpStream("http://127.0.0.1:1/a", open_timeout_s=5, read_timeout_s=5, on_title=titles.append)
        with contextlib.closing(stream):
            stream.peek(100)
            stream.opened()
            if stream.seekable():
                stream.seek(10)
            while stream.read(4096):
                pass
    assert all(len(title) <= 256 for title in titles)


class _Ear(Output):
    """Keeps nothing, and hears that all of it is sound."""

    def __init__(self, null: int) -> None:
        super().__init__(pcm_fd=null, event_fd=null)

    def send(self, samples: NDArray[np.float32]) -> None:
        assert samples.dtype == np.float32
        assert np.isfinite(samples).all()
        self.samples += len(samples)


PIPE_BYTES = 65_536
"""As much as a pipe holds."""

RATES = (8_000, 22_050, 44_100, 48_000, 192_000)


def pcm_reader(data: bytes) -> None:
    """Raw PCM: its format, rate and number of channels are in the first three bytes."""
    kind, rate, channels = (*data[:3], 0, 0, 0)[:3]
    raw = RawFormat(RATES[rate % len(RATES)], channels % 8 + 1, list(SAMPLE_FORMATS)[kind % len(SAMPLE_FORMATS)])
    reading, writing = os.pipe()
    with Path(os.devnull).open("wb") as null, os.fdopen(reading, "rb"):
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(data[3 : 3 + PIPE_BYTES])
        with contextlib.suppress(SourceError):
            play(reading, raw, _Ear(null.fileno()), name="it")


_OK = b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n"

TARGETS = {
    "icy_titles": Target(
        icy_titles,
        (
            b"StreamTitle='a - b';StreamUrl='';\0\0",
            b"StreamTitle='it's';",
            "StreamTitle='caf\xe9';".encode("latin-1"),
        ),
        (b"StreamTitle='", b"'", b";", b" " * 500, b"StreamUrl=", b"\xff\xfe", "\u202e".encode(), b"\0"),
    ),
    "icy_stream": Target(
        icy_stream,
        (
            b"ICY 200 OK\r\nicy-metaint: 4\r\nicy-genre: Jazz\r\n\r\nabcd\x01StreamTitle='x';efgh\0ijkl",
            _OK
            + b"Content-Length: 20\r\nAccept-Ranges: bytes\r\n\r\n"
            + bytes(20)
            + b"==========\nHTTP/1.1 206 OK\r\nContent-Length: 10\r\n\r\n"
            + bytes(10),
            _OK + b"Transfer-Encoding: chunked\r\nicy-metaint: 2\r\n\r\n4\r\nab\0c\r\n3\r\nd\0e\r\n0\r\n\r\n",
            b"HTTP/1.0 302 Found\r\nLocation: http://[::1]:80/b\r\n\r\n==========\n" + _OK + b"\r\nabc",
            b"HTTP/1.0 301 Moved\r\nLocation: //user:pw@host:99/\r\n\r\n==========\nHTTP/1.1 100 Continue\r\n\r\n",
        ),
        (
            b"Location: ",
            b"http://",
            b"https://",
            b"[",
            b"]",
            b":",
            b"@",
            b"\r\n",
            b"icy-metaint: 1",
            b"99999999999999",
            b"-1",
            b"Transfer-Encoding: chunked",
            b"\r\nzz\r\n",
            b"Content-Length: ",
            b"\xff",
            b"a" * 300,
            b"302",
        ),
    ),
    "pcm_reader": Target(
        pcm_reader,
        (
            bytes([5, 1, 0]) + np.array([0.5, np.nan, np.inf, 3e38, -3e38], "<f4").tobytes(),
            bytes([1, 2, 1]) + bytes(range(200)),
            bytes([3, 0, 3]) + b"RIFF" + bytes(64),
        ),
        (b"RIFF", b"\0\0\x80\x7f", b"\0\0\x80\xff", b"\xff\xff\x7f\x7f", b"\0\0\xc0\x7f", b"\xff" * 64),
    ),
}
