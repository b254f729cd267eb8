"""What the broker still keeps of an earlier life of this node, and nobody would ever change or take back."""

import asyncio
from collections.abc import Callable, Mapping

import aiomqtt
from paho.mqtt.client import MQTTMessage

_LOOKS_FOR_S = 10.0

IsStale = Callable[[str, bytes | bytearray], bool]
"""Whether a retained message (topic, payload) is one of ours that no longer holds."""


async def sweep(client: aiomqtt.Client, filters: Mapping[str, IsStale], forget: Callable[[str], None]) -> None:
    """Look once through what the broker keeps below each filter, and `forget` the topics that are stale; then rest.

    The retained messages themselves are the record of what was said: nothing else could be lost, or be of another
    opinion.
    """
    # Past aiomqtt's queue: hundreds come at once, and would push each other and commands out of it. A filter must
    # match no topic that commands come on, since paho then gives the queue nothing of it.
    for topic_filter, is_stale in filters.items():
        look = _look(is_stale, forget)
        client._client.message_callback_add(topic_filter, look)  # noqa: SLF001 - aiomqtt has one queue for all
    await client.subscribe([(topic_filter, 0) for topic_filter in filters])
    await asyncio.sleep(_LOOKS_FOR_S)
    await client.unsubscribe(list(filters))  # what others go on to say is none of ours
    await asyncio.Event().wait()


def _look(is_stale: IsStale, forget: Callable[[str], None]) -> Callable[[object, object, MQTTMessage], None]:
    def look(_client: object, _userdata: object, message: MQTTMessage) -> None:
        if message.retain and message.payload and is_stale(message.topic, message.payload):
            forget(message.topic)

    return look
