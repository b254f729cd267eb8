"""Where an MQTT client's sockets meet the event loop: only while they are open."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any


class OpenSocketsLoop:
    """The event loop as aiomqtt's client sees it.

    aiomqtt hears of a socket in the thread that connects, and has the loop register its number a little later. By then
    the connection may have failed: the number is nobody's, which the loop reports as an error, or another one's, whose
    callbacks it would take. `is_open` tells whether a number is still that of the client's socket.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, is_open: Callable[[int], bool]) -> None:
        self._loop = loop
        self._is_open = is_open

    def add_reader(self, number: int, callback: Callable[[], None]) -> None:
        """Call when there is something to read."""
        if self._is_open(number):
            with contextlib.suppress(OSError):  # closed at this moment
                self._loop.add_reader(number, callback)

    def add_writer(self, number: int, callback: Callable[[], None]) -> None:
        """Call when there is room to write."""
        if self._is_open(number):
            with contextlib.suppress(OSError):
                self._loop.add_writer(number, callback)

    def __getattr__(self, name: str) -> Any:
        """All else is the loop's."""
        return getattr(self._loop, name)
