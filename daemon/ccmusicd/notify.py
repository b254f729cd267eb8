"""The service supervisor's notification protocol (sd_notify): ready, status, reloading, stopping, watchdog.

Without NOTIFY_SOCKET in the environment nobody listens, and everything here does nothing.
"""

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping

logger = logging.getLogger(__name__)


class Notifier:
    """Tells the supervisor how the daemon is. Belongs to the event loop; no method waits or raises on a lost message.

    `watchdog_s` is the silence in seconds after which the supervisor kills the daemon, None when it does not watch.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._address = _socket_address(environ.get("NOTIFY_SOCKET", ""))
        self.watchdog_s = _watchdog_s(environ)

    def ready(self) -> None:
        """The start, or the reload announced by `reloading`, is finished."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """One line for people, shown by `systemctl status`."""
        self._send(f"STATUS={_one_line(text)}")

    def reloading(self) -> None:
        """The configuration is being read again; `ready` must follow, whether or not the new one was taken."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The daemon is on its way out."""
        self._send("STOPPING=1")

    async def run_watchdog(self, alive: Callable[[], bool]) -> None:
        """Say "I am alive" three times per `watchdog_s`, but only while `alive()` is true.

        A blocked event loop does not get here and a daemon without progress keeps still, so that both are killed and
        started anew. Returns at once when the supervisor does not watch; otherwise runs until cancelled.
        """
        if self.watchdog_s is None:
            return
        was_alive = True
        while True:
            is_alive = alive()
            if is_alive:
                self._send("WATCHDOG=1")
            elif was_alive:
                logger.error("no progress: the watchdog is left unfed and will end this process")
            was_alive = is_alive
            await asyncio.sleep(self.watchdog_s / 3)

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with socket.socket(
                socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK
            ) as sender:
                sender.connect(self._address)
                sender.send(message.encode())
        except OSError as error:
            logger.warning("the supervisor did not take %r: %s", message.partition("\n")[0], error)


def _socket_address(value: str) -> str | None:
    """The address as `socket.connect` wants it: a leading "@" stands for the NUL of the abstract namespace."""
    if not value:
        return None
    if value[0] not in "/@":
        logger.warning("NOTIFY_SOCKET is %r, expected an absolute path or a name that begins with '@'", value)
        return None
    return "\0" + value[1:] if value[0] == "@" else value


def _watchdog_s(environ: Mapping[str, str]) -> float | None:
    if "NOTIFY_SOCKET" not in environ or "WATCHDOG_USEC" not in environ:
        return None
    # A shell between supervisor and daemon hands its environment down, but the watchdog is meant for one process only.
    if environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    microseconds = environ["WATCHDOG_USEC"]
    if not microseconds.isascii() or not microseconds.isdigit() or int(microseconds) == 0:
        logger.warning("WATCHDOG_USEC is %r, expected a positive whole number of microseconds", microseconds)
        return None
    return int(microseconds) / 1e6


def _one_line(text: str) -> str:
    """A newline would begin another assignment of the protocol."""
    return " ".join(text.splitlines())
