"""A command: the event as JSON on its standard input and in variables. No shell is ever between."""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping, Sequence

from ccmusicd.hooks.errors import HookError
from ccmusicd.hooks.rule import PLACEHOLDERS, Call

_OURS = ("CCMUSIC_", "CREDENTIALS_DIRECTORY", "NOTIFY_SOCKET", "WATCHDOG_")
"""Variables of the daemon that are none of a hook's business; some hold secrets."""

_TOLD_BYTES = 300
_LAST_WORDS_S = 0.2


class Command:
    """Runs a program with its arguments, in a process group of its own, that is killed whole after `timeout_s`.

    An argument that is a placeholder ({station}) as a whole becomes that word; nothing is put inside an argument.
    """

    def __init__(self, arguments: Sequence[str], *, timeout_s: float) -> None:
        self._arguments = tuple(arguments)
        self._timeout_s = timeout_s

    async def call(self, call: Call) -> None:
        """Run it to its end. Raises `HookError`; once it has run it is not to be tried again by itself."""
        try:
            process = await asyncio.create_subprocess_exec(
                *filled(self._arguments, call.words),
                stdin=PIPE,
                stdout=DEVNULL,
                stderr=PIPE,
                env=environment(os.environ, call),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise HookError(f"cannot be started: {getattr(error, 'strerror', None) or error}") from None
        told = bytearray()
        talk = asyncio.gather(_feed(process, call.body.encode()), _listen(process, told))
        try:
            async with asyncio.timeout(self._timeout_s):
                status = await process.wait()
            with contextlib.suppress(TimeoutError):
                # A grandchild may hold the pipe open for ever.
                await asyncio.wait_for(asyncio.shield(talk), _LAST_WORDS_S)
        except TimeoutError:
            raise HookError(f"was killed after {self._timeout_s:g} s") from None
        finally:
            await _end(process, talk)
        if status:
            words = told.decode(errors="replace").strip().splitlines()
            how = f"ended by signal {-status}" if status < 0 else f"ended with status {status}"
            raise HookError(f"{how}{': ' + words[-1] if words else ''}")

    async def close(self) -> None:
        """Nothing is left of a call that has ended."""


def filled(arguments: Sequence[str], words: Mapping[str, str]) -> list[str]:
    """The arguments, those that are placeholders replaced."""
    places = {f"{{{name}}}": words[name] for name in PLACEHOLDERS}
    return [places.get(argument, argument) for argument in arguments]


def environment(own: Mapping[str, str], call: Call) -> dict[str, str]:
    """The daemon's variables without its secrets, and HOOK_EVENT (the JSON), HOOK_STATION, HOOK_KIND, …."""
    kept = {name: value for name, value in own.items() if not name.startswith(_OURS)}
    return kept | {f"HOOK_{name.upper()}": word for name, word in call.words.items()} | {"HOOK_EVENT": call.body}


async def _feed(process: Process, data: bytes) -> None:
    assert process.stdin is not None  # noqa: S101 - a pipe was asked for
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it need not read
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _listen(process: Process, told: bytearray) -> None:
    """Read all that it complains of, and keep the end of it."""
    assert process.stderr is not None  # noqa: S101 - a pipe was asked for
    while chunk := await process.stderr.read(4_096):
        told += chunk
        del told[:-_TOLD_BYTES]


async def _end(process: Process, talk: "asyncio.Future[tuple[None, None]]") -> None:
    """Leave nothing of it: the whole group is killed if it still runs, and its pipes are closed."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    talk.cancel()
    with contextlib.suppress(asyncio.CancelledError, ConnectionError):
        await talk
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio offers no other way to close the pipes
