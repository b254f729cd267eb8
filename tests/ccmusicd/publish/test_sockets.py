"""Sockets of an MQTT client that close before the event loop has heard of them."""

import asyncio
import contextlib
import socket
import threading
from typing import Any

import pytest

from ccmusicd.hub import Hub
from ccmusicd.publish.mqtt import Mqtt


@pytest.mark.parametrize("reused", [False, True])
async def test_a_socket_that_closed_meanwhile_is_not_registered_nor_another_of_its_number(
    hub: Hub, reused: bool
) -> None:
    loop = asyncio.get_running_loop()
    told: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: told.append(context))
    client = Mqtt(hub, url="mqtt://127.0.0.1", node="desk")._client()
    paho = client._client
    with contextlib.ExitStack() as stack:
        ours, theirs = socket.socketpair()
        stack.enter_context(theirs)
        number = ours.fileno()

        def connect_in_vain() -> None:
            paho._sock = ours
            assert paho.on_socket_open
            paho.on_socket_open(paho, None, ours)
            assert paho.on_socket_register_write
            paho.on_socket_register_write(paho, None, ours)
            paho._sock = None
            ours.close()
            if reused:
                assert stack.enter_context(socket.socket()).fileno() == number

        connecting = threading.Thread(target=connect_in_vain)
        connecting.start()
        connecting.join()  # the loop stands still meanwhile, as it may when it is busy
        await asyncio.sleep(0)
        assert not loop.remove_reader(number)
        assert not loop.remove_writer(number)
    assert told == []
    assert client._misc_task is not None
    await asyncio.wait_for(client._misc_task, 5)
