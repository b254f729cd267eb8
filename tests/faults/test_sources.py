"""Rows 5, 6, 9 and 10: sound servers, devices and streams that fail; heard again, and no genre shown meanwhile."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.faults.on_air import OnAir, on_air

NO_SIGNAL_WITHIN_S = 2.0
LATE_S = 3.0
"""What a busy machine may take for noticing, beside the time that is promised."""


async def goes_silent(station: OnAir, fault: Callable[[], None]) -> float:
    """Let a fault happen; no signal in time, and from then on no genre. Gives the moment."""
    fault()
    took_s = await station.until(lambda: station.status.state == "no_signal")
    assert took_s < NO_SIGNAL_WITHIN_S + LATE_S
    moment = time.monotonic()
    assert station.genre is None
    return moment


async def comes_back(station: OnAir, since: float) -> None:
    """The source is heard again, and nothing was claimed before it was."""
    await station.sound()
    assert all(hop.state != "no_signal" or hop.genre is None for hop in station.hops_since(since))
    station.adds_up()


# Seen to fail without: the look at when the last sample came.
async def test_row_05_sound_server_dies_and_comes_back(pulse: Any) -> None:
    pulse.feed(440)
    async with on_air("soundcard:studio") as station:
        await station.sound()
        moment = await goes_silent(station, pulse.kill)
        await station.until(lambda: station.errors)
        pulse.start()
        pulse.feed(880)
        await comes_back(station, moment)
        assert station.status.source_restarts >= 1


# Seen to fail without: the watchdog on a capture that is silent.
async def test_row_05_sound_server_freezes_and_thaws(pulse: Any) -> None:
    pulse.feed(440)
    async with on_air("soundcard:studio") as station:
        await station.sound()
        moment = await goes_silent(station, pulse.freeze)
        await station.until(lambda: any("stalled" in error for error in station.errors))
        pulse.thaw()
        await comes_back(station, moment)


# Seen to fail without: the trying again of a card that accepts nothing.
async def test_row_06_device_gone_and_back(pulse: Any) -> None:
    pulse.feed(440)
    async with on_air("soundcard:studio") as station:
        await station.sound()
        moment = await goes_silent(station, pulse.unload)
        await station.until(lambda: station.status.source_restarts >= 2)
        pulse.load()
        pulse.feed(440)
        await comes_back(station, moment)


# Seen to fail without: the gap at the place of what was missed.
async def test_row_09_source_drops(icecast: Any) -> None:
    feeder = icecast.feed("live")
    async with on_air(icecast.url("live")) as station:
        await station.sound()
        moment = await goes_silent(station, feeder.kill)
        await station.until(lambda: station.errors)
        icecast.feed("live", frequency=880)
        await comes_back(station, moment)


@asynccontextmanager
async def flipping(port: int, seed: int = 3) -> AsyncIterator[int]:
    """A proxy that changes one byte in about 500 of what a server on the loopback sends; its port."""
    chance = random.Random(seed)  # noqa: S311
    talks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talks.add(asyncio.create_task(pass_on(reader, writer)))

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upstream_reader, upstream = await asyncio.open_connection("127.0.0.1", port)
        with contextlib.closing(upstream), contextlib.closing(writer), contextlib.suppress(OSError):
            upstream.write(await reader.readuntil(b"\r\n\r\n"))
            writer.write(await upstream_reader.readuntil(b"\r\n\r\n"))
            while data := bytearray(await upstream_reader.read(4096)):
                for place in range(len(data)):
                    data[place] ^= 0xFF if chance.random() < 1 / 500 else 0
                writer.write(data)
                await writer.drain()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


# Seen to fail without: the skipping of a packet that cannot be decoded.
async def test_row_10_corrupt_packets(icecast: Any) -> None:
    icecast.feed("live")
    async with flipping(icecast.port) as port, on_air(f"http://127.0.0.1:{port}/live") as station:
        await station.sound()
        await station.until(lambda: station.status.xruns >= 3, 30)
        heard = station.status.hops
        await station.until(lambda: station.status.hops >= heard + 8)
        assert "damaged" in (station.status.source_warning or "")
        assert station.status.source_restarts == 0
