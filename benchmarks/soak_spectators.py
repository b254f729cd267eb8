"""Who watches a daemon during a soak, in a process of its own: a viewer, passers-by, an MQTT client, a scraper."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

import aiomqtt
import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import WebSocketException

TOPICS = ("hop", "segment", "status", "title", "notice", "level", "spectrogram")
SCRAPE_EVERY_S = 1.0
LAST_HOPS_WITHIN_S = 20.0
PATHS = ("metrics", "healthz", "readyz", "api/v1/now", "api/v1/stations")


def watch(control: Connection, url: str, broker_port: int) -> None:
    """Say "watching", count what comes until as many hops came as it is told there were, and tell the counts."""
    control.send(asyncio.run(_watch(control, url, broker_port)))


async def _watch(control: Connection, url: str, broker_port: int) -> dict[str, int]:
    counts: Counter[str] = Counter()
    watching = [asyncio.Event(), asyncio.Event()]
    works = [_view(url, counts, watching[0]), _subscribe(broker_port, counts, watching[1]), _scrape(url, counts)]
    tasks = [asyncio.create_task(work) for work in works]
    for event in watching:
        await event.wait()
    control.send("watching")
    hops = await asyncio.get_running_loop().run_in_executor(None, control.recv)
    with suppress(TimeoutError):
        async with asyncio.timeout(LAST_HOPS_WITHIN_S):
            while counts["hop"] < hops:  # noqa: ASYNC110 - a count of what others receive
                await asyncio.sleep(0.05)
    for task in tasks:
        task.cancel()
    for end in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(end, Exception):
            raise end
    return dict(counts)


async def _view(url: str, counts: Counter[str], watching: asyncio.Event) -> None:
    """A viewer that is there all the time and wants everything."""
    async with connect(_websocket(url), proxy=None, max_size=None) as viewer:
        await viewer.send(json.dumps({"type": "subscribe", "topics": TOPICS}))
        await viewer.send("{}")  # none, which is answered: the one before it holds by then
        async for message in viewer:
            kind = "columns" if isinstance(message, bytes) else message.split('"', 4)[3]
            counts[kind] += 1
            if kind == "error":
                watching.set()


async def _subscribe(port: int, counts: Counter[str], watching: asyncio.Event) -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("#")
        watching.set()
        async for message in client.messages:
            counts["mqtt " + str(message.topic).rpartition("/")[2]] += 1


async def _scrape(url: str, counts: Counter[str]) -> None:
    """Once a second, each time over new connections: all that is served, and a viewer who comes and goes."""
    while True:
        with suppress(httpx.HTTPError, OSError, WebSocketException):
            async with httpx.AsyncClient() as client:
                for path in PATHS:
                    counts[path] += (await client.get(url + path)).status_code == 200
            async with connect(_websocket(url), proxy=None) as passer_by:
                await passer_by.recv()
                counts["passers-by"] += 1
        await asyncio.sleep(SCRAPE_EVERY_S)


def _websocket(url: str) -> str:
    return f"ws://{urlsplit(url).netloc}/ws"
