"""Bounds that uvicorn leaves open: request heads that never end, floods of connections, WebSocket peers that freeze.

Both protocols are uvicorn's own; only what has no limit there is added.
"""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Iterator
from typing import Any, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State

HEAD_TIMEOUT_S = 10.0
"""A request's head must be complete this long after the connection, or after its own first byte."""

MAX_URI_BYTES = 4096

_SEND_BUFFER_BYTES = 32 * 1024
_WRITE_BUFFER_BYTES = 16 * 1024
"""What the kernel and asyncio keep for a peer that takes nothing. Small: what lies there is late when it is read, and
the ping behind it, too. A third of a second of round trip still leaves room for several stations' spectrograms."""

_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: close with a reset, and let go of what was not taken."""


class BoundedHttp(H11Protocol):
    """HTTP/1.1 whose head comes in time and whose connections are counted; `limit_concurrency` must be set.

    It stands in the ASGI scope (`state.connection`), to be cut by what answers.
    """

    head_timeout_s: float = HEAD_TIMEOUT_S
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Start the clock for the first request."""
        self.app_state = {**self.app_state, "connection": self}
        super().connection_made(transport)
        # Up to the limit's double uvicorn answers each request with 503; a flood beyond costs no more than its accept.
        if self.limit_concurrency is not None and len(self.connections) > 2 * self.limit_concurrency:
            transport.abort()
            return
        self._watch_head()

    def data_received(self, data: bytes) -> None:
        """Feed the parser, and see whether the head is complete now."""
        super().data_received(data)
        self._watch_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def cut(self) -> None:
        """End at once, whatever the peer has not read."""
        self.transport.abort()

    def _watch_head(self) -> None:
        if self.conn.their_state is not h11.IDLE or self.transport.is_closing():
            self._stop_clock()
        elif self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_timeout_s, self.transport.abort)

    def _stop_clock(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def send_400_response(self, msg: str) -> None:
        """414 where the request line alone is over the limit, 400 for everything else that is not HTTP."""
        line, _, _ = self.conn.trailing_data[0].partition(b"\r\n")
        if len(line) <= MAX_URI_BYTES:
            super().send_400_response(msg)
            return
        head = h11.Response(status_code=414, headers=[(b"connection", b"close")], reason=b"URI Too Long")
        for event in (head, h11.EndOfMessage()):
            self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


class BoundedWebSocket(WebSocketsSansIOProtocol):
    """WebSocket that stands in the ASGI scope (`state.connection`), to be cut by its session or by a missing pong."""

    was_cut = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Make itself known to the session, and keep the kernel's share of the backlog small."""
        sock: socket.socket = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)
        cast("asyncio.Transport", transport).set_write_buffer_limits(high=_WRITE_BUFFER_BYTES)
        self.app_state = {**self.app_state, "connection": self}
        super().connection_made(transport)

    @property
    def is_open(self) -> bool:
        """Whether messages can be sent: between the handshake and the end."""
        return self.conn.state is State.OPEN and not self.close_sent and not self.transport.is_closing()

    def send_frames(self, frames: bytes | bytearray) -> None:
        """Write frames of `framed` past ASGI, which would build them anew for each client; `is_open` must hold.

        Does not wait: `writable` says when the connection takes more.
        """
        self.transport.write(frames)

    def cut(self) -> None:
        """End at once: closing politely would wait until a peer that does not read has read what is buffered."""
        self.was_cut = True
        sock: socket.socket = self.transport.get_extra_info("socket")
        with contextlib.suppress(OSError):  # it is closed already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.transport.abort()

    def keepalive_timeout(self) -> None:
        """Cut a peer that answers no ping."""
        self.cut()


def framed(message: str | bytes) -> bytes:
    """A whole message as the server's frame: text, or binary."""
    if isinstance(message, str):
        return Frame(Opcode.TEXT, message.encode()).serialize(mask=False)
    return Frame(Opcode.BINARY, message).serialize(mask=False)


class EmbeddedServer(uvicorn.Server):
    """uvicorn inside a running event loop: signals stay with the daemon, and `up` is set once it accepts."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Install no handlers."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self.up.set()

    def abort_connections(self) -> None:
        """Cut what is still connected, whatever it has not read."""
        for connection in list(self.server_state.connections):
            cast("Any", connection).transport.abort()
