"""What waits for the MQTT broker: one slot a topic, so that the newest wins, and all that is retained once more."""

import asyncio
from collections import OrderedDict
from collections.abc import Container, Hashable
from dataclasses import dataclass

MAX_WAITING_EVENTS = 256


@dataclass(frozen=True, slots=True)
class Message:
    """One message: topic in full, payload as text (an empty retained one makes the broker forget the topic)."""

    topic: str
    payload: str
    retain: bool


class Outbox:
    """Bounded by the number of topics, and `MAX_WAITING_EVENTS` events; used from the event loop alone.

    `len` tells how many messages wait.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[Hashable, Message] = OrderedDict()
        self._retained: dict[str, str] = {}
        self._filled = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def retain(self, topic: str, payload: str) -> None:
        """Let the topic say this from now on; nothing is sent when it says so already."""
        if self._retained.get(topic) != payload:
            self._retained[topic] = payload
            self._put(topic, Message(topic, payload, retain=True))

    def retains(self, topic: str) -> bool:
        """Whether the topic is to say something."""
        return topic in self._retained

    def send(self, topic: str, payload: str) -> None:
        """Send once, in place of what waits for the same topic."""
        self._put(topic, Message(topic, payload, retain=False))

    def send_event(self, topic: str, payload: str, about: Hashable) -> None:
        """Send once, in place of what waits `about` the same; too many make the oldest event go."""
        self._put(("event", about), Message(topic, payload, retain=False))
        events = [key for key in self._waiting if isinstance(key, tuple)]
        if len(events) > MAX_WAITING_EVENTS:
            del self._waiting[events[0]]

    def withdraw(self, topic: str) -> None:
        """Send nothing of the topic that still waits: it is no longer true."""
        self._waiting.pop(topic, None)

    def empty(self, topic: str) -> None:
        """Make the broker forget what it retains for the topic."""
        self._retained.pop(topic, None)
        self._put(topic, Message(topic, "", retain=True))

    def empty_below(self, topic: str) -> None:
        """Make the broker forget all that it retains below the topic; of what else waits there only events are sent."""
        for retained in [each for each in self._retained if each.startswith(f"{topic}/")]:
            self.empty(retained)
        for key, message in list(self._waiting.items()):
            if key == message.topic and message.topic.startswith(f"{topic}/") and not message.retain:
                del self._waiting[key]

    def repeat(self, only: Container[str] | None = None) -> None:
        """Send what is retained again: all of it, or `only` these topics."""
        for topic, payload in self._retained.items():
            if only is None or topic in only:
                self._put(topic, Message(topic, payload, retain=True))

    def first(self) -> tuple[Hashable, Message] | None:
        """The message that waits longest, and its key for `sent`; None when nothing waits."""
        return next(iter(self._waiting.items()), None)

    def sent(self, key: Hashable, message: Message) -> None:
        """The message is out; a newer one that took its slot meanwhile stays."""
        if self._waiting.get(key) is message:
            del self._waiting[key]

    async def filled(self) -> None:
        """Wait until something waits."""
        while not self._waiting:
            self._filled.clear()
            await self._filled.wait()

    def _put(self, key: Hashable, message: Message) -> None:
        self._waiting.pop(key, None)
        self._waiting[key] = message
        self._filled.set()
