"""One WebSocket client: `hello`, `snapshot`, then the events it subscribed to, through one bounded inbox."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterable
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ccmusicd.events import TOPICS, ClockStepEvent, ColumnsEvent, Event, StationsEvent
from ccmusicd.hub import About, Hub
from ccmusicd.publish.connection import BoundedWebSocket, framed
from ccmusicd.publish.wire import Wire, compact

DEFAULT_TOPICS = ("hop", "segment", "status", "title")
"""What a client receives that never subscribed; `level` and `spectrogram` only on demand."""

MAX_COMMAND_BYTES = 16 * 1024

TOKEN_TIMEOUT_S = 5.0
NOT_ADMITTED = 4401
"""The close code for a client whose first message was not the token."""

MOST_AT_ONCE_BYTES = 16 * 1024
"""Messages are written together up to this."""

_INBOX_CAPACITY = 256
_MAX_ERRORS = 5
_CLOSE_TIMEOUT_S = 0.5

Pause = Callable[[str, bool], None]
"""Pauses (True) or resumes (False) a station, by its id."""


class CommandError(Exception):
    """What a client sent is no command; the text is the reply."""


class Session:
    """One client from `hello` to the end."""

    def __init__(
        self, websocket: WebSocket, hub: Hub, wire: Wire, *, pause: Pause | None, send_timeout_s: float
    ) -> None:
        self._websocket = websocket
        self._connection: BoundedWebSocket = websocket.state.connection
        self._hub = hub
        self._wire = wire
        self._pause = pause
        self._send_timeout_s = send_timeout_s
        self._greeted: About | None = None
        self._inbox = hub.subscribe(_with_stations(DEFAULT_TOPICS), capacity=_INBOX_CAPACITY, wake=wire.wake)

    @property
    def dropped(self) -> int:
        """Events that this client was too slow for."""
        return self._inbox.dropped

    @property
    def was_cut(self) -> bool:
        """Whether the client was thrown out because it did not read."""
        return self._connection.was_cut

    async def run(self) -> None:
        """Accept, unless that is done, and serve until the client leaves, is thrown out, or `leave` is called."""
        try:
            if self._websocket.application_state is WebSocketState.CONNECTING:
                await self._websocket.accept()
            await self._serve()
        finally:
            self._hub.unsubscribe(self._inbox)

    async def _serve(self) -> None:
        send, receive = asyncio.create_task(self._send_events()), asyncio.create_task(self._obey())
        try:
            await asyncio.wait((send, receive), return_when=asyncio.FIRST_COMPLETED)
        finally:
            send.cancel()
            receive.cancel()
            ends = await asyncio.gather(send, receive, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception) and not isinstance(end, WebSocketDisconnect):
                raise end

    async def leave(self) -> None:
        """Say 1001 "going away"; a client that cannot take even that is cut."""
        try:
            async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                await self._websocket.close(1001, "the daemon is stopping")
        except (TimeoutError, RuntimeError, WebSocketDisconnect):
            self._connection.cut()

    async def _send_events(self) -> None:
        # Snapshot and subscription belong to the same moment: no event falls between them.
        snapshot = framed(compact(self._hub.snapshot()))
        await self._send(snapshot)
        while True:
            event: Event | None = await self._inbox.get()
            await self._writable()
            # What else waits goes along in one call of the system, which is most of what a client costs.
            frames = bytearray()
            while event is not None:
                if self._inbox.wants(event):  # else it was queued before the client changed its subscription
                    frames += self._frames_of(event)
                event = self._inbox.get_nowait() if len(frames) < MOST_AT_ONCE_BYTES else None
            if frames:
                self._connection.send_frames(frames)

    def _frames_of(self, event: Event) -> bytes:
        if isinstance(event, StationsEvent):
            return self._greeting()
        if isinstance(event, ClockStepEvent):
            return b""  # no message, and nobody can subscribe to it
        if event.station in self._hub.latest:
            return self._greeting() + self._wire.frame(event)
        if isinstance(event, ColumnsEvent):
            return b""
        return self._wire.frame(event)  # the last words of a station, before it is told that it has gone

    async def _send(self, frame: bytes) -> None:
        """One message, after a new `hello` when there is news in it."""
        await self._writable()
        self._connection.send_frames(self._greeting() + frame)

    async def _writable(self) -> None:
        """Wait until the client takes more; one that does not read is cut."""
        connection = self._connection
        if not connection.writable.is_set():
            try:
                async with asyncio.timeout(self._send_timeout_s):
                    await connection.writable.wait()
            except TimeoutError:
                connection.cut()
                raise WebSocketDisconnect(1006) from None
        if not connection.is_open:  # uvicorn has ended it itself, as after a message that is too long
            raise WebSocketDisconnect(1006)

    def _greeting(self) -> bytes:
        """`hello` when there is news in it; of other stations than before also which have gone, and a snapshot."""
        about, before = self._hub.about, self._greeted
        if before is about:
            return b""
        self._greeted = about
        messages: list[object] = [about.to_wire()]
        if before is not None and before.stations is not about.stations:
            gone = (station.id for station in before.stations if station.id not in self._hub.latest)
            messages += [{"type": "gone", "station": station} for station in gone if self._listens_to(station)]
            messages.append(self._hub.snapshot())
        return b"".join(framed(compact(message)) for message in messages)

    def _listens_to(self, station: str) -> bool:
        return self._inbox.stations is None or station in self._inbox.stations

    async def _obey(self) -> None:
        errors = 0
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            try:
                self._command(message.get("text"))
            except CommandError as error:
                errors += 1
                await self._send(framed(compact({"type": "error", "message": str(error)})))
            if errors >= _MAX_ERRORS:
                with contextlib.suppress(RuntimeError, WebSocketDisconnect):
                    await self._websocket.close(1008, f"{errors} commands that are none")
                return

    def _command(self, text: str | None) -> None:
        command = _parse(text)
        kind = command.get("type")
        if kind == "subscribe":
            self._subscribe(command)
        elif kind == "token":
            pass  # shown by a client that need not, or need not any more
        elif kind in ("pause", "resume"):  # not a set: a stranger's value may have no hash
            self._pause_or_resume(command.get("station"), paused=kind == "pause")
        else:
            raise CommandError(f"unknown command {_shown(kind)}; known are subscribe, pause and resume")

    def _subscribe(self, command: dict[str, Any]) -> None:
        topics = command.get("topics", DEFAULT_TOPICS)
        if not isinstance(topics, list | tuple) or any(topic not in TOPICS for topic in topics):
            raise CommandError(f"topics must be a list of {', '.join(TOPICS)}, not {_shown(topics)}")
        stations = command.get("stations")
        if stations is not None:
            if not isinstance(stations, list):
                raise CommandError(f"stations must be a list of station ids or null, not {_shown(stations)}")
            for station in stations:
                self._check_station(station)
        self._inbox.topics = frozenset(_with_stations(topics))
        self._inbox.stations = None if stations is None else frozenset(stations)

    def _pause_or_resume(self, station: object, *, paused: bool) -> None:
        self._check_station(station)
        if self._pause is None:
            raise CommandError("pausing is not allowed here")
        self._pause(str(station), paused)

    def _check_station(self, station: object) -> None:
        if not isinstance(station, str) or station not in self._hub.latest:
            raise CommandError(f"unknown station {_shown(station)}; known are {', '.join(self._hub.latest)}")


async def admits(websocket: WebSocket, knows: Callable[[str | None], bool], *, within_s: float) -> bool:
    """Accept a client, and say whether its first message, which must come `within_s`, is the token.

    Who has not got it is sent away with `NOT_ADMITTED`. Nothing of the daemon is told before.
    """
    await websocket.accept()
    try:
        async with asyncio.timeout(within_s):
            message = await websocket.receive()
    except TimeoutError:
        message = {"type": "websocket.receive"}
    if message["type"] == "websocket.disconnect":
        return False
    if knows(message.get("text")):
        return True
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await websocket.close(NOT_ADMITTED, 'first send {"type": "token", "token": …} with the token')
    except (TimeoutError, RuntimeError, WebSocketDisconnect):
        connection: BoundedWebSocket = websocket.state.connection
        connection.cut()
    return False


def _with_stations(topics: Iterable[str]) -> tuple[str, ...]:
    """Who follows anything is told of other stations, too."""
    return (*topics, StationsEvent.topic)


def _parse(text: str | None) -> dict[str, Any]:
    if text is None:
        raise CommandError("a command is JSON text, not a binary message")
    try:
        command = json.loads(text)
    except (ValueError, RecursionError):
        raise CommandError(f"a command is a JSON object, not {_shown(text)}") from None
    if not isinstance(command, dict):
        raise CommandError(f"a command is a JSON object, not {_shown(command)}")
    return command


def _shown(value: object) -> str:
    # Only so much of it: the value is a stranger's, and may nest too deep to be printed whole.
    try:
        text = repr(value)
    except RecursionError:
        text = "something nested too deep"
    return text if len(text) <= 80 else text[:77] + "..."
