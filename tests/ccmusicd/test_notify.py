"""The sd_notify protocol against a fake supervisor's socket."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ccmusicd.notify import Notifier

DEADLINE_S = 20.0


class Supervisor:
    """A unix datagram socket that receives what the daemon tells, in order."""

    def __init__(self, bind_to: str, notify_socket: str) -> None:
        self.notify_socket = notify_socket
        self._receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._receiver.bind(bind_to)
        self._receiver.settimeout(DEADLINE_S)

    def environ(self, watchdog_s: float | None = None, pid: int | None = None) -> dict[str, str]:
        environ = {"NOTIFY_SOCKET": self.notify_socket}
        if watchdog_s is not None:
            environ["WATCHDOG_USEC"] = str(round(watchdog_s * 1e6))
        if pid is not None:
            environ["WATCHDOG_PID"] = str(pid)
        return environ

    def receive(self) -> dict[str, str]:
        return dict(line.split("=", 1) for line in self._receiver.recv(4096).decode().split("\n"))

    def waiting(self) -> int:
        """Takes what lies in the socket now and says how many messages that was."""
        count = 0
        self._receiver.setblocking(False)
        try:
            while True:
                self._receiver.recv(4096)
                count += 1
        except BlockingIOError:
            return count
        finally:
            self._receiver.settimeout(DEADLINE_S)

    def falls_silent(self, for_s: float) -> bool:
        """Whether messages stop coming for this long before the deadline."""
        deadline = time.monotonic() + DEADLINE_S
        self._receiver.settimeout(for_s)
        while time.monotonic() < deadline:
            try:
                self._receiver.recv(4096)
            except TimeoutError:
                return True
        return False

    def close(self) -> None:
        self._receiver.close()


@pytest.fixture(params=["path", "abstract"])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Supervisor]:
    if request.param == "path":
        listening = Supervisor(str(tmp_path / "notify"), str(tmp_path / "notify"))
    else:
        name = f"ccmusicd-test-{os.getpid()}-{time.monotonic_ns()}"
        listening = Supervisor(f"\0{name}", f"@{name}")
    yield listening
    listening.close()


def test_life_of_a_daemon_is_told_in_order(supervisor: Supervisor) -> None:
    notifier = Notifier(supervisor.environ())
    notifier.ready()
    notifier.status("3 stations\non air")
    notifier.stopping()
    assert [supervisor.receive() for _ in range(3)] == [
        {"READY": "1"},
        {"STATUS": "3 stations on air"},
        {"STOPPING": "1"},
    ]


def test_reloading_carries_the_monotonic_clock(supervisor: Supervisor) -> None:
    before_us = time.monotonic_ns() // 1000
    Notifier(supervisor.environ()).reloading()
    message = supervisor.receive()
    assert message["RELOADING"] == "1"
    assert before_us <= int(message["MONOTONIC_USEC"]) <= time.monotonic_ns() // 1000


async def test_without_a_supervisor_nothing_happens(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier({"WATCHDOG_USEC": "1000000"})
    notifier.ready()
    notifier.status("nobody listens")
    assert notifier.watchdog_s is None
    await asyncio.wait_for(notifier.run_watchdog(lambda: True), DEADLINE_S)
    assert not caplog.records


@pytest.mark.parametrize("address", ["vsock:2:1234", "relative/path"])
def test_unusable_address_is_said_once_and_ignored(address: str, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.ready()
    notifier.stopping()
    assert [repr(address) in record.getMessage() for record in caplog.records] == [True]


def test_supervisor_that_went_away_is_logged_not_raised(
    supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier(supervisor.environ())
    supervisor.close()
    notifier.ready()
    assert "'READY=1'" in caplog.text


@pytest.fixture
def deadline() -> Iterator[None]:
    """Ends a test that blocks in a system call, where no other deadline reaches."""

    def fail(*_: object) -> None:
        pytest.fail(f"blocked for {DEADLINE_S} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, DEADLINE_S)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0.0)
    signal.signal(signal.SIGALRM, before)


@pytest.mark.usefixtures("deadline")
def test_full_socket_never_blocks_the_loop(supervisor: Supervisor, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier(supervisor.environ())
    for _ in range(5000):
        notifier.status("x")
        if caplog.records:
            break
    assert "did not take 'STATUS=x'" in caplog.text
    assert supervisor.waiting() > 0


@pytest.mark.parametrize(
    ("pid", "expected"), [(None, 60.0), (os.getpid(), 60.0), (os.getpid() + 1, None)], ids=["none", "ours", "another"]
)
def test_watchdog_is_for_the_process_it_names(supervisor: Supervisor, pid: int | None, expected: float | None) -> None:
    assert Notifier(supervisor.environ(60.0, pid)).watchdog_s == expected


@pytest.mark.parametrize("value", ["", "0", "-5", "1e6", "soon"])
def test_malformed_watchdog_interval_is_said_and_ignored(
    supervisor: Supervisor, value: str, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier({**supervisor.environ(), "WATCHDOG_USEC": value})
    assert notifier.watchdog_s is None
    assert f"WATCHDOG_USEC is {value!r}" in caplog.text


async def test_watchdog_pings_three_times_per_interval(supervisor: Supervisor) -> None:
    notifier = Notifier(supervisor.environ(watchdog_s=0.3))
    begin = time.monotonic()
    watchdog = asyncio.create_task(notifier.run_watchdog(lambda: True))
    messages = [await asyncio.to_thread(supervisor.receive) for _ in range(4)]
    took_s = time.monotonic() - begin
    watchdog.cancel()
    assert messages == [{"WATCHDOG": "1"}] * 4
    assert took_s >= 0.3 * 0.99  # four pings are three pauses of 0.1 s


async def test_watchdog_keeps_still_while_there_is_no_progress(
    supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter([True, False, False, False])
    pings_at: list[int] = []
    stalled = asyncio.Event()

    def alive() -> bool:
        pings_at.append(supervisor.waiting())
        answer = next(answers, None)
        if answer is None:
            stalled.set()
            return False
        return answer

    watchdog = asyncio.create_task(Notifier(supervisor.environ(watchdog_s=0.03)).run_watchdog(alive))
    await asyncio.wait_for(stalled.wait(), DEADLINE_S)
    watchdog.cancel()
    assert pings_at == [0, 1, 0, 0, 0]
    assert caplog.text.count("no progress") == 1


_BLOCKABLE = """
import asyncio, sys, time
from ccmusicd.notify import Notifier

async def main():
    watchdog = asyncio.create_task(Notifier().run_watchdog(lambda: True))
    await asyncio.to_thread(sys.stdin.readline)
    time.sleep(3600)

asyncio.run(main())
"""


@pytest.mark.parametrize("fault", ["loop blocked", "process frozen"])
def test_pings_stop_when_the_daemon_hangs(supervisor: Supervisor, fault: str) -> None:
    watchdog_s = 0.15
    daemon = subprocess.Popen(
        [sys.executable, "-c", _BLOCKABLE],
        env={**os.environ, **supervisor.environ(watchdog_s)},
        stdin=subprocess.PIPE,
    )
    with daemon:
        try:
            assert [supervisor.receive() for _ in range(3)] == [{"WATCHDOG": "1"}] * 3
            if fault == "process frozen":
                daemon.send_signal(signal.SIGSTOP)
            else:
                assert daemon.stdin is not None
                daemon.stdin.write(b"\n")
                daemon.stdin.flush()
            assert supervisor.falls_silent(for_s=3 * watchdog_s), "the watchdog was fed although the daemon hangs"
        finally:
            daemon.kill()
