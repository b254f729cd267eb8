"""Many viewers of one server: those that stop reading are cut in time, and cost the others nothing."""

import asyncio
import json
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from ccmusicd.events import HopEvent
from ccmusicd.hub import Hub
from ccmusicd.publish.web import Web

VIEWERS, STOPPED = 60, 5
CUT_WITHIN_S = 10.0


async def seqs(client: ClientConnection) -> list[int]:
    """Of every hop until the server says goodbye."""
    heard = []
    try:
        async for text in client:
            message = json.loads(text)
            if message["type"] == "hop":
                heard.append(message["seq"])
    except ConnectionClosedError:
        return []  # cut, and nobody said goodbye
    return heard


async def test_viewers_that_stop_reading_are_cut_and_the_others_miss_nothing(
    hub: Hub, tmp_path: Path, make_hop: Callable[..., HopEvent]
) -> None:
    (tmp_path / "index.html").write_text("")
    web = Web(hub, host="127.0.0.1", port=0, viewer=tmp_path, ready=lambda: True, max_clients=VIEWERS)
    await web.start()
    async with AsyncExitStack() as stack:
        address = f"ws://127.0.0.1:{web.address[1]}/ws"
        clients = [await stack.enter_async_context(connect(address, proxy=None)) for _ in range(VIEWERS)]
        others = [asyncio.create_task(seqs(client)) for client in clients[STOPPED:]]
        for client in clients[:STOPPED]:
            client.transport.pause_reading()
        stopped_at, published = time.monotonic(), 0
        while web.clients_cut < STOPPED:
            assert time.monotonic() - stopped_at < CUT_WITHIN_S, f"{web.clients_cut} of {STOPPED} are cut"
            published += 1
            hub.publish(make_hop(seq=published))
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.05)
        assert web.clients == VIEWERS - STOPPED
        await web.stop()
        expected = list(range(1, published + 1))
        assert all(heard == expected for heard in await asyncio.gather(*others))
        assert web.events_dropped == 0
        for client in clients[:STOPPED]:
            client.transport.abort()
