"""A process full of WebSocket viewers for `fanout`: as little work for each message as a viewer can do."""

import asyncio
import contextlib
import resource
import socket
import time
from multiprocessing.connection import Connection
from typing import Any, cast

import numpy as np

HANDSHAKE = (
    "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
CONNECTING_AT_ONCE = 20
LOOK_EVERY_S = 0.05
SETTLE_S = 5.0
"""How long after the first hop delays are taken."""

_TEXT, _PING = 1, 9
_ENDED = frozenset({7, 8})
"""States of a connection that the other side has reset or closed, in the kernel's `tcp_info`."""


class Viewer(asyncio.Protocol):
    """One client: notes the delay of each hop, answers pings, and can stop reading."""

    def __init__(self, port: int) -> None:
        self.delays: list[float] = []
        self.seqs: list[int] = []
        self.greeted = asyncio.get_running_loop().create_future()
        self.stopped_at: float | None = None
        self.cut_after_s: float | None = None
        self._port = port
        self._first = 0.0
        self._buffer = bytearray()
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the WebSocket."""
        self._transport = cast("asyncio.Transport", transport)
        self._socket: socket.socket = transport.get_extra_info("socket")
        self._transport.write(HANDSHAKE.format(port=self._port).encode())

    def connection_lost(self, exc: Exception | None) -> None:
        """Whoever waits for the greeting must hear of it."""
        if not self.greeted.done():
            self.greeted.set_exception(exc or ConnectionError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        """Take whole frames; none of the server's is masked or in pieces."""
        now = time.monotonic()
        self._buffer += data
        if not self._upgraded:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self.greeted.set_exception(ConnectionError(head.split(b"\r\n")[0].decode()))
                return
            self._upgraded, self._buffer = True, bytearray(rest)
        while (frame := self._frame()) is not None:
            self._take(*frame, now)

    def stop(self) -> None:
        """Read no more."""
        self.stopped_at = time.monotonic()
        self._transport.pause_reading()

    def look(self) -> None:
        """See whether the server has cut this one, which reads nothing, by now."""
        assert self.stopped_at is not None  # noqa: S101 - only those are looked at
        if self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in _ENDED:
            self.cut_after_s = time.monotonic() - self.stopped_at

    def close(self) -> None:
        """Leave without a word."""
        self._transport.abort()

    def _frame(self) -> tuple[int, bytes] | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        length, start = buffer[1] & 0x7F, 2
        if length >= 126:
            start = 4 if length == 126 else 10
            length = int.from_bytes(buffer[2:start], "big")
        if len(buffer) < start + length:
            return None
        opcode, payload = buffer[0] & 0x0F, bytes(buffer[start : start + length])
        del buffer[: start + length]
        return opcode, payload

    def _take(self, opcode: int, payload: bytes, now: float) -> None:
        if opcode == _PING:
            self._transport.write(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
        elif opcode == _TEXT and payload.startswith(b'{"type":"hop"'):
            self.seqs.append(_number(payload, b'"seq":'))
            self._first = self._first or now
            if now - self._first > SETTLE_S:
                self.delays.append(now - _number(payload, b'"end_sample":') / 1e6)
        elif not self.greeted.done():
            self.greeted.set_result(None)


def watch(control: Connection, port: int, viewers: int, stopped: int) -> None:
    """In a process of its own: connect, say so, stop some when told to, and tell at the end what was heard."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_watch(control, port, viewers, stopped))


async def _watch(control: Connection, port: int, viewers: int, stopped: int) -> None:
    loop = asyncio.get_running_loop()
    crowd: list[Viewer] = []
    while len(crowd) < viewers:
        new = [await _join(port) for _ in range(min(CONNECTING_AT_ONCE, viewers - len(crowd)))]
        await asyncio.gather(*(viewer.greeted for viewer in new))
        crowd += new
    control.send("connected")
    looking: asyncio.Task[None] | None = None
    while await loop.run_in_executor(None, control.recv) == "stop":
        for viewer in crowd[:stopped]:
            viewer.stop()
        looking = asyncio.create_task(_look(crowd[:stopped]))
    if looking is not None:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
    control.send(_heard(crowd[stopped:], crowd[:stopped]))
    for viewer in crowd:
        viewer.close()


async def _join(port: int) -> Viewer:
    _, viewer = await asyncio.get_running_loop().create_connection(lambda: Viewer(port), "127.0.0.1", port)
    return viewer


async def _look(stopped: list[Viewer]) -> None:
    while any(viewer.cut_after_s is None for viewer in stopped):
        for viewer in stopped:
            if viewer.cut_after_s is None:
                viewer.look()
        await asyncio.sleep(LOOK_EVERY_S)


def _heard(others: list[Viewer], stopped: list[Viewer]) -> dict[str, Any]:
    last = max((viewer.seqs[-1] for viewer in others if viewer.seqs), default=0)
    return {
        "delays_s": np.array([delay for viewer in others for delay in viewer.delays]),
        "lost": sum(last - len(set(viewer.seqs)) for viewer in others),
        "lost_between": sum(
            viewer.seqs[-1] - viewer.seqs[0] + 1 - len(set(viewer.seqs)) for viewer in others if viewer.seqs
        ),
        "cut_after_s": [viewer.cut_after_s for viewer in stopped if viewer.cut_after_s is not None],
    }


def _number(payload: bytes, key: bytes) -> int:
    start = payload.index(key) + len(key)
    return int(payload[start : payload.index(b",", start)])
