"""A command: the event as JSON on its standard input and in variables. No shell is ever between."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence
from typing import Self

from ccmusicd.hooks.errors import HookError
from ccmusicd.hooks.rule import CONTROL, PLACEHOLDERS, Call

_OURS = ("CCMUSIC_", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_")
"""Variables of the daemon that are none of a hook's business; some hold secrets."""

_TOLD_BYTES = 300
_MOST_BYTES = 65_536
"""A variable of more would keep the program from being started."""


class Command:
    """Runs a program with its arguments, in a process group of its own, that is killed whole after `timeout_s`.

    An argument that is a placeholder ({station}) as a whole becomes that word; nothing is put inside an argument.
    """

    def __init__(self, arguments: Sequence[str], *, timeout_s: float) -> None:
        self._arguments = tuple(arguments)
        self._timeout_s = timeout_s

    async def call(self, call: Call) -> None:
        """Run it to its end. Raises `HookError`; once it has run it is not to be tried again by itself."""
        with _LastWords() as words:
            try:
                process = await asyncio.create_subprocess_exec(
                    *filled(self._arguments, call.words),
                    stdin=PIPE,
                    stdout=DEVNULL,
                    stderr=words.end,
                    env=environment(os.environ, call),
                    start_new_session=True,
                )
            except (OSError, ValueError) as error:
                raise HookError(f"cannot be started: {getattr(error, 'strerror', None) or error}") from None
            words.listen()
            feeding = asyncio.create_task(_feed(process, call.body.encode()))
            try:
                async with asyncio.timeout(self._timeout_s):
                    status = await process.wait()
            except TimeoutError:
                raise HookError(f"was killed after {self._timeout_s:g} s") from None
            finally:
                await _end(process, feeding)
            if status:
                how = f"ended by signal {-status}" if status < 0 else f"ended with status {status}"
                raise HookError(f"{how}{words.told()}")

    async def close(self) -> None:
        """Nothing is left of a call that has ended."""


def filled(arguments: Sequence[str], words: Mapping[str, str]) -> list[str]:
    """The arguments, those that are placeholders replaced."""
    places = {f"{{{name}}}": words[name] for name in PLACEHOLDERS}
    return [places.get(argument, argument) for argument in arguments]


def environment(own: Mapping[str, str], call: Call) -> dict[str, str]:
    """The daemon's variables without its secrets, and HOOK_STATION, … and HOOK_EVENT (JSON, unless huge)."""
    kept = {name: value for name, value in own.items() if not name.startswith(_OURS)}
    whole = {"HOOK_EVENT": call.body} if len(call.body.encode()) <= _MOST_BYTES else {}
    return kept | {f"HOOK_{name.upper()}": word for name, word in call.words.items()} | whole


async def _feed(process: Process, data: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it need not read
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


class _LastWords:
    """A pipe for what a program complains of, of which the end is kept.

    It is none of asyncio's, which would wait for a grandchild that holds it open.
    """

    def __init__(self) -> None:
        self._start, self.end = os.pipe()
        os.set_blocking(self._start, False)
        self._kept = bytearray()
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.remove_reader(self._start)
        os.close(self._start)
        if self.end >= 0:
            os.close(self.end)

    def listen(self) -> None:
        """The program has its end: let go of it here, and read."""
        os.close(self.end)
        self.end = -1
        self._loop.add_reader(self._start, self._read)

    def told(self) -> str:
        """Its last line, after a colon; "" when it said nothing."""
        self._read()
        lines = self._kept.decode(errors="replace").strip().splitlines()
        return f": {lines[-1].translate(CONTROL)}" if lines else ""

    def _read(self) -> None:
        """What is there now, of which one read takes as much as a pipe holds."""
        with contextlib.suppress(BlockingIOError):
            chunk = os.read(self._start, 65_536)
            if not chunk:
                self._loop.remove_reader(self._start)
            self._kept += chunk
            del self._kept[:-_TOLD_BYTES]


async def _end(process: Process, feeding: "asyncio.Task[None]") -> None:
    """Leave nothing of it: the whole group is killed if it still runs."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    feeding.cancel()
    await asyncio.gather(feeding, return_exceptions=True)
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio offers no other way to close stdin
