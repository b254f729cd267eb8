"""Strangers at the daemon's door, in a process of their own: floods of short connections and of unfinished requests."""

import asyncio
import time
from collections import Counter
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Never: en"
GIVE_UP_S = 15.0


def bother(control: Connection, port: int, connections_a_second: float, halves_a_second: float) -> None:
    """Connect so often until told to end; then tell what came of it."""
    control.send(asyncio.run(_bother(control, port, connections_a_second, halves_a_second)))


async def _bother(
    control: Connection, port: int, connections_a_second: float, halves_a_second: float
) -> dict[str, Any]:
    counts: Counter[str] = Counter()
    answers: list[float] = []
    end = asyncio.get_running_loop().run_in_executor(None, control.recv)
    began = time.monotonic()
    floods = (
        _flood(connections_a_second, end, lambda: _ask(port, counts, answers)),
        _flood(halves_a_second, end, lambda: _never_finish(port, counts)),
    )
    await asyncio.gather(*floods)
    seconds = time.monotonic() - began
    return {
        "connections_a_second": round(sum(counts[what] for what in ("answered", "busy", "failed")) / seconds, 1),
        **counts,
        "answer_ms": None
        if not answers
        else {
            name: round(1e3 * float(np.quantile(answers, share)), 1) for name, share in (("p50", 0.5), ("p99", 0.99))
        },
    }


async def _flood(a_second: float, end: "asyncio.Future[Any]", one: Any) -> None:
    """Start `one` so often by the clock; what began before the end is waited for."""
    began, started = time.monotonic(), 0
    running: set[asyncio.Task[None]] = set()
    while not end.done():
        while started < (time.monotonic() - began) * a_second:
            task = asyncio.create_task(one())
            running.add(task)
            task.add_done_callback(running.discard)
            started += 1
        await asyncio.wait({end}, timeout=0.01)
    await asyncio.gather(*running)


async def _ask(port: int, counts: Counter[str], answers: list[float]) -> None:
    """A connection, a request, an answer."""
    began = time.monotonic()
    try:
        async with asyncio.timeout(GIVE_UP_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(REQUEST)
            answer = await reader.read(64)
            writer.transport.abort()
    except (OSError, TimeoutError):
        counts["failed"] += 1
        return
    counts["answered" if answer.startswith(b"HTTP/1.1 200") else "busy" if b" 503 " in answer else "failed"] += 1
    answers.append(time.monotonic() - began)


async def _never_finish(port: int, counts: Counter[str]) -> None:
    """Half a request's head, and nothing more until the server has enough of it."""
    try:
        async with asyncio.timeout(2 * GIVE_UP_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(HALF)
            await reader.read()
            writer.transport.abort()
        counts["halves_cut"] += 1
    except ConnectionError:
        counts["halves_cut"] += 1
    except (OSError, TimeoutError):
        counts["halves_not_cut"] += 1
