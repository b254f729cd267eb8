"""The analyzer as the main process sees it: a child that is fed hops, watched, killed and respawned."""

import asyncio
import contextlib
import logging
import math
import multiprocessing
import os
import socket
import statistics
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE, WINDOW_COLUMNS
from ccmusic_stream.runtimes import Runtime
from ccmusicd import frames
from ccmusicd.events import AnalyzerState
from ccmusicd.jobs import Feed, Order, answers_of, hop_frame
from ccmusicd.requests import Requests

log = logging.getLogger(__name__)

SHORTEST_HOP_COLUMNS = 43
"""About 1 s: the hop where the machine has time to spare."""

SPARE = 1.5
"""A hop lasts this many times what its computation takes: a third of the machine's time is to spare."""

REPICK_AFTER = 30
"""Answers whose median time decides whether the hop still fits."""

SHORTER_WORTH = 0.75
LONGER_NEEDED = 1.1
"""The hop is changed only when the new one is below or above these shares of it: noise must not shake it."""

STARTUP_TIMEOUT_S = 300.0
"""Networks that are converted for the first time take a minute on a busy machine."""

LEAST_ANSWER_TIMEOUT_S = 4.0
ANSWER_TIMEOUT_HOPS = 10.0
"""After this many measured hop times (and at least `LEAST_ANSWER_TIMEOUT_S`) without an answer the child must show
that it works."""

LEAST_WORK = 0.02
"""Share of that time which a child that works has spent computing, however busy the machine."""

MOST_ANSWER_TIMEOUT_S = 60.0
"""After this an answer will not come, whatever the child is busy with."""

LONGEST_BACKOFF_S = 30.0
OFTEN = 3
OFTEN_WITHIN_S = 600.0
"""A GPU that ends the analyzer `OFTEN` times within so many seconds is left for the CPU."""

MEASURED_HOPS = 3

_fork_server = multiprocessing.get_context("forkserver")
_fork_server.set_forkserver_preload(["ccmusicd.analyzer_server"])


LONGEST_SOCKET_PATH = 107
"""Bytes that Linux takes as the address of a Unix socket (`unix(7)`)."""

_SOCKET_NAME = "/pymp-12345678/listener-12345678"
"""What `multiprocessing` adds to the folder for temporary files."""


def _ensure_fork_server() -> None:
    """Start the fork server if none runs; one whose socket would have too long a path gets it in /tmp.

    Raises:
        OSError: there is no room for its socket.
    """
    folder = tempfile.gettempdir()
    if len(os.fsencode(folder + _SOCKET_NAME)) > LONGEST_SOCKET_PATH:
        tempfile.tempdir = "/tmp"  # noqa: S108 (made by mkdtemp, for this user only)
    try:
        forkserver.ensure_running()
    finally:
        tempfile.tempdir = folder


class AnalyzerError(CcmusicError):
    """The analyzer cannot work with this configuration."""


def pick_hop_columns(hop_s: float, stations: int) -> int:
    """The hop, in columns, that `stations` stations can hold with a third to spare when one hop takes `hop_s`.

    Between about 1 s and the window's 10 s.
    """
    needed = math.ceil(hop_s * stations * SPARE * SAMPLE_RATE / HOP_LENGTH)
    return min(max(needed, SHORTEST_HOP_COLUMNS), WINDOW_COLUMNS)


class Analyzer:
    """Runs the child for ever. `on_ready` is called when a child is ready, and when the hop was picked anew.

    `hop_columns` None: the hop is picked by measurement, and anew while the machine turns out slower or faster.
    """

    def __init__(
        self,
        bundles: Sequence[Path],
        *,
        device: str = "auto",
        models: Sequence[str] | None = None,
        labels: tuple[str, ...] = (),
        runtime: Runtime = "auto",
        cache: Path | None = None,
        hop_columns: int | None = None,
        on_ready: Callable[["Analyzer"], None],
    ) -> None:
        self._bundles = tuple(bundles)
        self._wanted_device = device
        self._models = models
        self._labels = labels
        self._runtime: Runtime = runtime
        self._cache = cache
        self._on_ready = on_ready
        self._picks_hop = hop_columns is None
        self.hop_columns = hop_columns
        self.state: AnalyzerState = "starting"
        self.restarts = 0
        self.device: str | None = None
        self.hop_s = 0.0
        self.model_errors: dict[str, str | None] = {}
        self.runtimes: dict[str, str] = {}
        self.pid: int | None = None
        self.answers = 0
        self._busy_s: deque[float] = deque(maxlen=REPICK_AFTER)
        self._feeds: list[Feed] = []
        self._gone: list[str] = []  # stations of which the child is to forget what it knows
        self._feeds_changed = False
        self._due = asyncio.Event()
        self.requests = Requests(self._due.set)

    def add(self, feed: Feed) -> None:
        """Serve this station too."""
        self._feeds.append(feed)
        self._feeds_changed = True
        self._due.set()

    def remove(self, feed: Feed) -> None:
        """Serve this station no longer; it is told nothing more, also not of a job that is under way."""
        self._feeds.remove(feed)
        self._gone.append(feed.id)
        self._feeds_changed = True
        self._due.set()

    def wake(self) -> None:
        """A hop may be complete."""
        self._due.set()

    async def run(self) -> None:
        """Run the child and feed it until cancelled.

        Raises:
            AnalyzerError: the bundle cannot be used.
        """
        failures = 0
        ends: deque[float] = deque(maxlen=OFTEN)
        while True:
            before = self.answers
            reason = await self._run_child()
            failures = 1 if self.answers > before else failures + 1
            ends.append(time.monotonic())
            self.restarts += 1
            self._enter("restarting")
            log.error("analyzer: %s; starting another (restart %d)", reason, self.restarts)
            often = len(ends) == ends.maxlen and ends[-1] - ends[0] < OFTEN_WITHIN_S
            if often and self._wanted_device == "auto" and self.device not in {None, "cpu"}:
                log.error("analyzer: %s failed %d times, going on with the CPU", self.device, len(ends))
                self._wanted_device = "cpu"
            # The exponent is bounded: 2.0 ** 1024 would overflow after a long night.
            await asyncio.sleep(min(0.0 if failures == 1 else 0.5 * 2.0 ** min(failures, 32), LONGEST_BACKOFF_S))

    async def _run_child(self) -> str:
        """One child's life; gives the reason of its end."""
        ours, theirs = socket.socketpair()
        hops = MEASURED_HOPS if self.hop_s == 0.0 else 1
        order = Order(
            bundles=self._bundles,
            labels=self._labels,
            device=self._wanted_device,
            models=self._models,
            runtime=self._runtime,
            cache=self._cache,
            stations=len(self._feeds),
            measured_hops=hops,
        )
        child = _fork_server.Process(target=_child_main, args=(theirs, order), name="analyzer", daemon=True)
        try:
            # Here and not in the thread: a process that dies with its parent dies with the thread that made it.
            _ensure_fork_server()
            async with asyncio.timeout(STARTUP_TIMEOUT_S):
                await _in_thread(child.start)
        except (OSError, EOFError) as error:  # `TimeoutError` is one
            ours.close()
            return f"it could not be started: {error}"
        except asyncio.CancelledError:
            ours.close()
            raise
        finally:
            theirs.close()
        self.pid = child.pid
        reader, writer = await asyncio.open_connection(sock=ours)
        try:
            await self._serve(reader, writer)
        except TimeoutError:
            return "it hangs"
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            await asyncio.to_thread(child.join, 2.0)
            return f"it ended with status {child.exitcode} ({error})"
        finally:
            self.pid = None
            self.requests.close()
            writer.close()
            child.kill()
            await asyncio.to_thread(child.join)
        raise AssertionError("serving ends by an exception only")

    async def _serve(self, answers: asyncio.StreamReader, jobs: asyncio.StreamWriter) -> None:
        async with asyncio.timeout(STARTUP_TIMEOUT_S):
            ready, _ = await frames.read(answers)
        if ready["op"] in {"refused", "broken"}:
            if self.device is None and ready["op"] == "refused":
                raise AnalyzerError(ready["reason"])
            raise ConnectionError(ready["reason"])  # it worked before: a GPU may come back, a disk be mounted again
        self._adopt(ready)
        jobs.write(frames.encode({"op": "configure", "hop_columns": self.hop_columns}))
        self._enter("running")
        self.requests.open()
        self._on_ready(self)
        self._gone.clear()  # a new child knows nothing yet
        while True:
            feeds = await self._due_feeds()
            if self._feeds_changed:
                self._tell_of_feeds(jobs)
                continue
            if feeds:
                await self._hop(feeds, answers, jobs)
            request = self.requests.next(hop_is_due=any(feed.overdue_s() >= 0 for feed in self._feeds))
            if request is not None:  # one after each hop at most, and those that take long only when none is due
                jobs.write(request.frame)
                request.settle(*await self._reply(answers))

    async def _hop(self, feeds: list[Feed], answers: asyncio.StreamReader, jobs: asyncio.StreamWriter) -> None:
        taken = [feed.next_job() for feed in feeds]
        jobs.write(hop_frame(taken))  # one at a time: the buffer is bounded
        reply, columns = await self._reply(answers)
        self.answers += 1
        for feed, job, answer in zip(feeds, taken, answers_of(reply, columns), strict=True):
            if feed in self._feeds:  # and was not removed meanwhile
                feed.answered(job, answer)
        if self._picks_hop and self._repick(reply["busy_s"] / len(taken)):
            jobs.write(frames.encode({"op": "configure", "hop_columns": self.hop_columns}))
            self._on_ready(self)

    def _tell_of_feeds(self, jobs: asyncio.StreamWriter) -> None:
        """Stations came or went: the child forgets, and the hop fits their number at once, before any hop is late."""
        self._feeds_changed = False
        for station in self._gone:
            jobs.write(frames.encode({"op": "forget", "station": station}))
        self._gone.clear()
        if self._picks_hop and self._pick(self.hop_s):
            jobs.write(frames.encode({"op": "configure", "hop_columns": self.hop_columns}))
            self._on_ready(self)

    def _adopt(self, ready: Mapping[str, Any]) -> None:
        device_changed = self.device not in {None, ready["device"]}
        self.device = ready["device"]
        self.hop_s = ready["hop_s"]
        self.model_errors = dict(ready["models"])
        self.runtimes = dict(ready["runtimes"])
        if self._picks_hop and (self.hop_columns is None or device_changed):
            self.hop_columns = pick_hop_columns(self.hop_s, len(self._feeds))

    async def _reply(self, answers: asyncio.StreamReader) -> tuple[frames.Head, bytes]:
        """The answer to the job that was sent; `TimeoutError` when the child hangs.

        One that is late but works, on a machine busy with other things, is not killed: that would make it later.
        """
        patience_s = max(LEAST_ANSWER_TIMEOUT_S, ANSWER_TIMEOUT_HOPS * self.hop_s)
        worked_s = _cpu_s(self.pid)
        read = asyncio.ensure_future(frames.read(answers))
        try:
            async with asyncio.timeout(MOST_ANSWER_TIMEOUT_S):
                while not (await asyncio.wait({read}, timeout=patience_s))[0]:
                    before_s, worked_s = worked_s, _cpu_s(self.pid)
                    if worked_s - before_s < LEAST_WORK * patience_s:
                        raise TimeoutError
                return read.result()
        finally:
            read.cancel()

    def _repick(self, busy_s: float) -> bool:
        """Whether the hop was changed: what hops took lately asks for a longer one, or allows a much shorter one."""
        self._busy_s.append(busy_s)
        if len(self._busy_s) < REPICK_AFTER:
            return False
        hop_s = statistics.median(self._busy_s)
        self._busy_s.clear()
        return self._pick(hop_s)

    def _pick(self, hop_s: float) -> bool:
        """Whether a hop of a station that takes `hop_s` to compute asks for another length than that of now."""
        columns = pick_hop_columns(hop_s, len(self._feeds))
        now = self.hop_columns or columns
        if now * SHORTER_WORTH <= columns <= now * LONGER_NEEDED:
            return False
        self.hop_s, self.hop_columns = hop_s, columns
        for feed in self._feeds:
            feed.hop_changed()
        return True

    async def _due_feeds(self) -> list[Feed]:
        """Whose hops to compute next: the most overdue, or all that are due together where there is a GPU.

        None of them when something else is to be done and no hop is due.
        """
        while True:
            self._due.clear()
            due = sorted((feed for feed in self._feeds if feed.overdue_s() >= 0), key=lambda feed: -feed.overdue_s())
            if due:
                return due if self.device != "cpu" else due[:1]
            if len(self.requests) or self._feeds_changed:
                return []
            await self._due.wait()

    def _enter(self, state: AnalyzerState) -> None:
        self.state = state
        for feed in self._feeds:
            feed.analyzer_changed()


def _cpu_s(pid: int | None) -> float:
    """CPU time that a process has used, in seconds; 0 when there is none."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _in_thread(start: Callable[[], None]) -> None:
    """Run `start`, which blocks until the fork server has imported torch, where nobody must wait for it at the end.

    `asyncio.to_thread` would not do: the event loop's end waits for its threads.
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()

    def settle(error: BaseException | None) -> None:
        if not done.done():
            done.set_result(None) if error is None else done.set_exception(error)

    def work() -> None:
        error: BaseException | None = None
        try:
            start()
        except BaseException as fault:  # noqa: BLE001 - whoever awaits must hear of it
            error = fault
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, error)

    threading.Thread(target=work, name="analyzer start", daemon=True).start()
    await done


def _child_main(connection: socket.socket, order: Order) -> None:
    try:
        from ccmusicd.analyzer_child import main  # noqa: PLC0415 - torch, which only the child may load
    except Exception as error:  # noqa: BLE001 - whatever a damaged installation raises
        with contextlib.suppress(OSError), connection:
            connection.sendall(frames.encode({"op": "broken", "reason": f"torch cannot be loaded: {error}"}))
        return
    main(connection, order)
