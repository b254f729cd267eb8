"""The daemon as a process, what its listeners are told, and the processes below it: for tests and drills."""

import contextlib
import json
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect


class Daemon:
    """A running `ccmusicd run` whose output is collected; `before` is a command that starts it."""

    def __init__(self, arguments: list[str], environment: dict[str, str], before: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*before, sys.executable, "-m", "ccmusicd", "run", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=lambda stream=stream, lines=lines: lines.extend(stream), daemon=True)
            for stream, lines in ((self.process.stdout, self.out), (self.process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def address(self) -> str:
        """The viewer's address, "" before it is printed."""
        return next((line.split()[1].rstrip("/") for line in list(self.out) if line.startswith("viewer:")), "")

    def get(self, path: str) -> Any:
        """The JSON at a path; None while it is not served."""
        try:
            with urllib.request.urlopen(self.address + path, timeout=5) as response:
                return json.load(response)
        except (OSError, ValueError):
            return None

    def ready(self) -> bool:
        """Whether `/readyz` says so; fails when the daemon has ended."""
        if self.process.poll() is not None:
            self.stop()
            raise AssertionError("the daemon has ended:\n" + "".join(self.err))
        answer = self.get("/readyz") if self.address else None
        return bool(answer and answer["ready"])

    def wait(self, timeout_s: float = 60.0) -> int:
        """The exit status."""
        try:
            return self.process.wait(timeout_s)
        finally:
            self.stop()

    def stop(self) -> None:
        """End it if it still runs, and read the rest of its output."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for reader in self._readers:
            reader.join()
        for stream in (self.process.stdout, self.process.stderr):
            assert stream is not None
            stream.close()

    def terminate(self) -> int:
        """SIGTERM; the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.wait(15.0)


class WebSocketLog:
    """Everything a WebSocket client was told, from its first message on."""

    def __init__(self, address: str) -> None:
        self.messages: list[dict[str, Any]] = []
        self._address = address.replace("http", "ws") + "/ws"
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed), connect(self._address, proxy=None) as connection:
            for message in connection:
                self.messages.append(json.loads(message))

    def hops(self, station: str) -> list[dict[str, Any]]:
        return [m for m in list(self.messages) if m["type"] == "hop" and m["station"] == station]

    def join(self) -> None:
        """Wait for the end that the daemon makes."""
        self._reader.join(10)


class Subscriber:
    """`mosquitto_sub` on everything, as a user would look."""

    def __init__(self, program: str, port: int) -> None:
        self.lines: list[tuple[str, str]] = []
        self._process = subprocess.Popen(
            [program, "-p", str(port), "-t", "ccmusic/#", "-F", "%t %p"], stdout=subprocess.PIPE, text=True
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            topic, _, payload = line.rstrip("\n").partition(" ")
            self.lines.append((topic.removeprefix("ccmusic/desk/"), payload))

    def last(self) -> dict[str, str]:
        """The newest payload of each topic."""
        return dict(list(self.lines))

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait()
        self._reader.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


def children(pid: int, mark: str) -> set[int]:
    """Processes anywhere below `pid` whose command line holds `mark`."""
    found: set[int] = set()
    parents = {pid}
    while parents:
        below = {int(child) for parent in parents for child in _of(parent, f"task/{parent}/children").split()}
        found |= {child for child in below if mark in _of(child, "cmdline")}
        parents = below
    return found


def _of(pid: int, file: str) -> str:
    """What the kernel says of a process; nothing when it has just ended."""
    try:
        return Path(f"/proc/{pid}/{file}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
