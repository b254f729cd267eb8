"""Frames that are encoded once, and clients that wake in turns."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from ccmusicd.events import ColumnsEvent, HopEvent
from ccmusicd.hub import Hub
from ccmusicd.publish.wire import WOKEN_AT_ONCE, Wire


def message(frame: bytes) -> Any:
    """What is in a frame of the server, without its head of 2, 4 or 10 bytes."""
    return json.loads(frame[{126: 4, 127: 10}.get(frame[1], 2) :])


def test_each_event_is_encoded_once(hub: Hub, make_hop: Callable[..., HopEvent]) -> None:
    wire = Wire(hub, capacity=2)
    first = make_hop(seq=1)
    assert wire.frame(first) is wire.frame(first)
    assert message(wire.frame(first)) == first.to_wire()
    for seq in range(2, 6):
        assert message(wire.frame(make_hop(seq=seq)))["seq"] == seq


def test_what_is_kept_encoded_is_bounded_in_bytes(hub: Hub, make_columns: Callable[..., ColumnsEvent]) -> None:
    wire = Wire(hub, most_bytes=10_000)
    events = [make_columns("web", first_column=number) for number in range(5)]
    frames = [wire.frame(event) for event in events]
    assert frames[0].endswith(events[0].to_bytes(1))
    assert wire.frame(events[4]) is frames[4]
    assert wire.frame(events[0]) is not frames[0]
    assert wire.frame(events[0]) == frames[0]


async def test_other_work_gets_its_turn_while_many_clients_are_woken(hub: Hub) -> None:
    wire = Wire(hub)
    clients = [asyncio.Event() for _ in range(4 * WOKEN_AT_ONCE)]
    for client in clients:
        wire.wake(client)
        wire.wake(client)
    awake = []
    while not clients[-1].is_set():
        await asyncio.sleep(0)
        awake.append(sum(client.is_set() for client in clients))
    assert awake == [WOKEN_AT_ONCE * turn for turn in (1, 2, 3, 4)]
