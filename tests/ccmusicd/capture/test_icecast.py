import base64
import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from ccmusicd.capture.icy import HttpStream, clean_title, stream_title
from ccmusicd.capture.output import SourceError

Answer = Callable[[socket.socket, bytes], None]


# Seen to fail without: the longest title.
@pytest.mark.parametrize(
    ("metadata", "title"),
    [
        (b"StreamTitle='Artist - Song';StreamUrl='';\0\0\0", "Artist - Song"),
        (b"StreamTitle='Don't Stop';StreamUrl='http://x/';", "Don't Stop"),
        (b"StreamTitle='It's 'quoted'; really';", "It's 'quoted'; really"),
        (b"StreamTitle='no end'", "no end"),
        (b"StreamTitle='';", ""),
        (b"StreamUrl='x';StreamTitle='second';\0", "second"),
        (b"StreamUrl='x';", None),
        ("StreamTitle='Füße';".encode(), "Füße"),
        ("StreamTitle='Füße';".encode("latin-1"), "Füße"),
        ("StreamTitle='Füße".encode() + b"\xff\xfe';", "Füße\ufffd\ufffd"),
        (b"StreamTitle='a\x1b[31m\r\nb\t c';", "a [31m b c"),
        ("StreamTitle='a\u202eb';".encode(), "a b"),
        (b"StreamTitle='" + b"x" * 4000 + b"';", "x" * 256),
    ],
)
def test_a_title_is_read_whatever_it_holds(metadata: bytes, title: str | None) -> None:
    assert stream_title(metadata) == title


def test_a_title_of_control_characters_is_empty() -> None:
    assert clean_title("\0\x07 \x9f") == ""


@contextmanager
def _server(answer: Answer) -> Iterator[str]:
    """A server that gives every connection, and what it asked for, to `answer`; its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection)
            threading.Thread(target=speak, args=(connection,), daemon=True).start()

    def speak(connection: socket.socket) -> None:
        with contextlib.suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request:
                request += connection.recv(4096)
            answer(connection, request)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/live"
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in connections:
            connection.close()
        thread.join()


def _open(url: str, titles: list[str] | None = None, read_timeout_s: float = 5.0) -> HttpStream:
    told = [] if titles is None else titles
    return HttpStream(url, open_timeout_s=5.0, read_timeout_s=read_timeout_s, on_title=told.append)


def _all(stream: HttpStream) -> bytes:
    data = b""
    while more := stream.read(1000):
        data += more
    stream.close()
    return data


def _block(text: str) -> bytes:
    data = text.encode()
    size = -(-len(data) // 16)
    return bytes([size]) + data.ljust(16 * size, b"\0")


@pytest.mark.parametrize("status", ["ICY 200 OK", "HTTP/1.0 200 OK", "HTTP/1.1 200 OK"])
def test_titles_are_taken_out_of_the_audio(status: str) -> None:
    audio = bytes(range(256)) * 8
    blocks = [_block("StreamTitle='One';"), _block(""), _block("StreamTitle='Two';"), _block("")]

    def answer(connection: socket.socket, request: bytes) -> None:
        assert b"Icy-MetaData: 1\r\n" in request
        body = b"".join(audio[i * 512 : (i + 1) * 512] + block for i, block in enumerate(blocks))
        connection.sendall(f"{status}\r\ncontent-type: audio/mpeg\r\nicy-metaint: 512\r\n\r\n".encode() + body)
        connection.close()

    titles: list[str] = []
    with _server(answer) as url:
        stream = _open(url, titles)
        assert stream.peek(700) == audio[:700]
        assert stream.length is None
        assert _all(stream) == audio
    assert titles == ["One", "Two"]


def test_a_body_in_chunks_is_put_together() -> None:
    def answer(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    with _server(answer) as url:
        assert _all(_open(url)) == b"abcde"


def test_credentials_in_the_address_are_sent_and_not_shown() -> None:
    asked: list[bytes] = []

    def answer(connection: socket.socket, request: bytes) -> None:
        asked.append(request)
        connection.sendall(b"HTTP/1.0 401 Unauthorized\r\n\r\n")
        connection.close()

    with _server(answer) as url, pytest.raises(SourceError, match="answers 401") as caught:
        _open(url.replace("//", "//dj:hun%40ter2@"))

    assert b"Basic " + base64.b64encode(b"dj:hun@ter2") in asked[0]
    assert b"@127" not in asked[0]
    assert "ter2" not in str(caught.value)


def test_credentials_do_not_follow_to_another_host() -> None:
    asked: list[bytes] = []

    def elsewhere(connection: socket.socket, request: bytes) -> None:
        asked.append(request)
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx")

    with _server(elsewhere) as other:
        target = other.replace("127.0.0.1", "localhost")

        def answer(connection: socket.socket, _request: bytes) -> None:
            connection.sendall(f"HTTP/1.0 302 Found\r\nLocation: {target}\r\n\r\n".encode())

        with _server(answer) as url:
            assert _all(_open(url.replace("//", "//dj:hunter2@"))) == b"x"

    assert b"Authorization" not in asked[0]


def test_a_circle_of_redirects_is_left() -> None:
    def answer(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.0 302 Found\r\nLocation: /live\r\n\r\n")

    with _server(answer) as url, pytest.raises(SourceError, match="redirects more than 5 times"):
        _open(url)


def test_a_download_can_be_read_from_any_place() -> None:
    body = bytes(range(200))

    def answer(connection: socket.socket, request: bytes) -> None:
        start = int(request.partition(b"Range: bytes=")[2].partition(b"-")[0] or b"0")
        status = "206 Partial Content" if start else "200 OK"
        head = f"HTTP/1.1 {status}\r\nAccept-Ranges: bytes\r\nContent-Length: {len(body) - start}\r\n\r\n"
        connection.sendall(head.encode() + body[start:])

    with _server(answer) as url:
        stream = _open(url)
        assert stream.seekable()
        assert stream.peek(10) == body[:10]
        assert stream.seek(-50, 2) == 150
        assert stream.read(10) == body[150:160]
        assert stream.tell() == 160
        assert stream.seek(0, 2) == 200
        assert stream.read(10) == b""
        stream.seek(3)
        assert _all(stream) == body[3:]


def test_a_download_cut_short_is_an_error() -> None:
    def answer(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + bytes(400))
        connection.close()

    with _server(answer) as url:
        stream = _open(url)
        with pytest.raises(SourceError, match="ended after 400 bytes, expected 1000"):
            _all(stream)
        stream.close()


def test_a_trickle_counts_as_silence_and_a_slow_reader_does_not() -> None:
    trickle = threading.Event()

    def answer(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + bytes(3000))
        trickle.wait()
        while True:
            connection.sendall(b"xx")
            time.sleep(0.1)

    with _server(answer) as url:
        stream = _open(url, read_timeout_s=0.6)
        stream.opened()
        time.sleep(0.8)
        for _ in range(3):
            assert stream.read(1000)
        trickle.set()
        with pytest.raises(SourceError, match="is stalled"):
            _all(stream)
        stream.close()


def _silent(_connection: socket.socket, _request: bytes) -> None:
    """Accepts, and never answers."""


def _trickling(connection: socket.socket, _request: bytes) -> None:
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n")
    while True:
        connection.sendall(b"\0")
        time.sleep(0.5)


def _trickling_headers(connection: socket.socket, _request: bytes) -> None:
    connection.sendall(b"HTTP/1.0 200 OK\r\nX: ")
    while True:
        connection.sendall(b"x")
        time.sleep(0.2)


def _endless_tag(connection: socket.socket, _request: bytes) -> None:
    connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Type: audio/mpeg\r\n\r\nID3\x04\x00\x00" + b"\x7f" * 4)
    while True:
        connection.sendall(bytes(65_536))


# Seen to fail without: the time limit on reads.
@pytest.mark.parametrize("answer", [_silent, _trickling, _trickling_headers, _endless_tag])
async def test_a_server_without_audio_is_left_in_time_and_tried_again(
    answer: Answer, started: Callable[..., Any]
) -> None:
    with _server(answer) as url:
        async with started(url, open_timeout_s=1.0, read_timeout_s=1.0) as running:
            await running.until(lambda: running.sink.count("backoff") >= 2)
            assert running.sink.samples == 0
            assert any(word in running.sink.errors[0] for word in ("answer", "nothing", "stalled", "recognisable"))


# Icecast writes titles of MP3 streams in Latin-1.
# Seen to fail without: the reading of ICY metadata.
async def test_a_change_of_title_is_told_once(icecast: Any, started: Callable[..., Any]) -> None:
    icecast.feed("live")
    async with started(icecast.url("live")) as running:
        await running.until(lambda: running.sink.samples)
        icecast.title("live", "Don't Stop; 'Now' - Füße")
        await running.until(lambda: "Don't Stop; 'Now' - Füße" in running.sink.titles)
        icecast.title("live", "Next")
        await running.until(lambda: "Next" in running.sink.titles)
        await running.more(2.0)
        assert running.sink.titles[-2:] == ["Don't Stop; 'Now' - Füße", "Next"]
        assert running.sink.count("begin") == 1


@pytest.mark.parametrize(
    ("header", "genre"),
    [
        (b"icy-genre: Smooth Jazz\r\n", "Smooth Jazz"),
        ("icy-genre: Füße, 爵士\r\n".encode(), "Füße, 爵士"),
        ("icy-genre: Füße\r\n".encode("latin-1"), "Füße"),
        (b"icy-genre: a\x1b[31m\x07b" + b"x" * 4000 + b"\r\n", ("a [31m b" + "x" * 4000)[:256]),
        (b"", ""),
    ],
)
def test_the_genre_that_a_station_declares_is_a_text_of_one_line(header: bytes, genre: str) -> None:
    def answer(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(b"HTTP/1.0 200 OK\r\ncontent-type: audio/mpeg\r\n" + header + b"\r\n")
        connection.close()

    with _server(answer) as url:
        stream = _open(url)
        assert stream.genre == genre
        stream.close()


@pytest.mark.parametrize("body", ["zz\r\n", "4\r\nab", "-5\r\nab", "f" * 20 + "\r\nab", "4" * 70_000])
@pytest.mark.parametrize("header", ["", "icy-metaint: 1\r\n"])
def test_body_whose_chunks_are_none_breaks_off(body: str, header: str) -> None:
    def answer(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(f"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n{header}\r\n{body}".encode())
        connection.shutdown(socket.SHUT_WR)

    with _server(answer) as url:
        stream = _open(url)
        with pytest.raises(SourceError, match="broke off within a chunk"):
            _all(stream)
        stream.close()


@pytest.mark.parametrize("target", ["http://[", "//[", "http://host:abc/", "http://host:99999/", "http://host:0/"])
def test_redirect_to_no_address_is_refused(target: str) -> None:
    def answer(connection: socket.socket, _request: bytes) -> None:
        connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {target}\r\n\r\n".encode())

    with _server(answer) as url, pytest.raises(SourceError, match=r"redirects to .*: expected an http\(s\) address"):
        _open(url)


@pytest.mark.parametrize("host", ["a..b", "a" * 64])
def test_host_that_cannot_be_a_name_cannot_be_reached(host: str) -> None:
    with pytest.raises(SourceError, match="cannot be reached"):
        _open(f"http://{host}/live")


def test_metadata_that_is_hard_to_read_is_read_at_once() -> None:
    hard = b"StreamTitle='" * 100 + b"'" + b" " * 2_700 + b"x"  # once half a minute
    began = time.process_time()
    assert stream_title(hard) is None
    assert time.process_time() - began < 5


def test_stream_that_could_not_be_reopened_can_be_closed() -> None:
    def answer(connection: socket.socket, request: bytes) -> None:
        if b"Range:" not in request:
            head = b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\nAccept-Ranges: bytes\r\n\r\n"
            connection.sendall(head + bytes(20))
        connection.shutdown(socket.SHUT_WR)

    with _server(answer) as url:
        stream = _open(url)
        stream.peek(20)
        stream.seek(10)
        with pytest.raises(SourceError, match="does not answer"):
            stream.read(10)
        stream.close()
