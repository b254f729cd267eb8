"""What all WebSocket clients share: events as frames, each encoded once, and turns in which the clients wake."""

import asyncio
import json
from collections import OrderedDict
from itertools import islice

from ccmusicd.events import ColumnsEvent, HopEvent, LevelEvent, NoticeEvent, SegmentEvent, StatusEvent, TitleEvent
from ccmusicd.hub import Hub
from ccmusicd.publish.connection import framed

WOKEN_AT_ONCE = 64
"""Clients that take their messages in one turn of the event loop."""

_Told = HopEvent | SegmentEvent | StatusEvent | TitleEvent | LevelEvent | ColumnsEvent | NoticeEvent
"""Events that are messages."""


class Wire:
    """What all clients share: events as frames of WebSocket, each encoded once, and turns in which clients wake.

    The newest frames are kept: `capacity` of them, within `most_bytes`.
    """

    def __init__(self, hub: Hub, *, capacity: int = 256, most_bytes: int = 1024 * 1024) -> None:
        self._hub = hub
        self._capacity, self._most_bytes = capacity, most_bytes
        self._bytes = 0
        # The event is kept beside its frame: its id() stays its own for as long as it is a key here.
        self._frames: OrderedDict[int, tuple[_Told, bytes]] = OrderedDict()
        self._stations = hub.about.stations
        self._asleep: dict[asyncio.Event, None] = {}

    def wake(self, client: asyncio.Event) -> None:
        """Set the event of a client that waits for it, soon: `WOKEN_AT_ONCE` of them in a turn of the event loop.

        A thousand at once would keep everything else waiting until each of them has its message.
        """
        if client.is_set():
            return
        if not self._asleep:
            asyncio.get_running_loop().call_soon(self._wake_some)
        self._asleep[client] = None

    def _wake_some(self) -> None:
        for client in list(islice(self._asleep, WOKEN_AT_ONCE)):
            del self._asleep[client]
            client.set()
        if self._asleep:
            asyncio.get_running_loop().call_soon(self._wake_some)

    def frame(self, event: _Told) -> bytes:
        """The event's message, ready to be written; columns only of a station that hello lists."""
        if self._stations is not self._hub.about.stations:  # whose places columns have in their frames
            self._stations = self._hub.about.stations
            self._frames.clear()
            self._bytes = 0
        known = self._frames.get(id(event))
        if known is not None:
            return known[1]
        frame = framed(self._message(event))
        self._frames[id(event)] = (event, frame)
        self._bytes += len(frame)
        while len(self._frames) > self._capacity or (self._bytes > self._most_bytes and len(self._frames) > 1):
            self._bytes -= len(self._frames.popitem(last=False)[1][1])
        return frame

    def _message(self, event: _Told) -> str | bytes:
        if isinstance(event, ColumnsEvent):
            return event.to_bytes([station.id for station in self._stations].index(event.station))
        return compact(event.to_wire())


def compact(message: object) -> str:
    """JSON in one line, without spaces, readable Chinese."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":"))
