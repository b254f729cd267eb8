"""The MQTT publisher: retained state, live probabilities and events, with a broker that may come and go."""

import asyncio
import contextlib
import logging
import random
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import cast

import aiomqtt
from aiomqtt.exceptions import MqttConnectError
from paho.mqtt.enums import MQTTErrorCode

from ccmusicd.events import Event, HopEvent, LevelEvent, NoticeEvent, SegmentEvent, StatusEvent
from ccmusicd.hub import About, Hub, Inbox
from ccmusicd.publish import topics
from ccmusicd.publish.broker import RefusedError, parse_broker
from ccmusicd.publish.homeassistant import HomeAssistant
from ccmusicd.publish.outbox import Outbox
from ccmusicd.publish.sockets import OpenSocketsLoop
from ccmusicd.publish.sweep import IsStale, sweep
from ccmusicd.publish.topics import StationTopics, check_topic_part

_log = logging.getLogger(__name__)
_client_log = logging.getLogger(f"{__name__}.client")
_client_log.setLevel(logging.ERROR)  # a flood of commands would else be a flood of warnings

_TOPICS = ("hop", "segment", "status", "notice", "stations")
_INBOX_CAPACITY = 1024
_LEVELS_A_STATION = 16
_MAX_COMPLAINTS = 32
_MAX_IGNORED_TOPICS = 100
_FAREWELL_S = 1.0
_SEND_BUFFER_BYTES = 64 * 1024
_FIRST_DELAY_S = 1.0
_LONGEST_DELAY_S = 30.0
_REFUSED_DELAY_S = 30.0

OnEnabled = Callable[[str, bool], None]
"""Called with (station, on) when somebody switches a station on or off."""


class Mqtt:
    """Publishes under `root`/`node`, for as long as `run` runs.

    `url`, `username`, `password` and `ca_file` are those of `parse_broker`. `state` tells "connecting", "online" or
    "refused: why". The default `client_id` belongs to the node, so that a new connection ends (and with it silences the
    last will of) an older one that the broker still believes in. `discovery_prefix` is where Home Assistant looks for
    devices; None announces nothing.

    Raises:
        TopicError: the address, the certificates or a part of a topic cannot be used.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        url: str,
        node: str,
        root: str = "ccmusic",
        username: str | None = None,
        password: str | None = None,
        ca_file: Path | None = None,
        keepalive_s: int = 30,
        on_enabled: OnEnabled | None = None,
        client_id: str | None = None,
        publish_timeout_s: float = 5.0,
        discovery_prefix: str | None = None,
    ) -> None:
        check_topic_part(root)
        check_topic_part(node)
        self.state = "connecting"
        self._hub = hub
        self._broker = parse_broker(url, username=username, password=password, ca_file=ca_file)
        self._base = f"{root}/{node}"
        self._client_id = client_id or f"{root}-{node}"
        self._keepalive_s = keepalive_s
        self._on_enabled = on_enabled
        self._publish_timeout_s = publish_timeout_s
        self._topics: dict[str, StationTopics] = {}
        self._checked: dict[str, bool] = {}
        self._home = None if discovery_prefix is None else HomeAssistant(discovery_prefix, root, node)
        self._announced: set[str] = set()
        self._about: About | None = None
        self._outbox = Outbox()
        self._complaints: deque[str] = deque(maxlen=_MAX_COMPLAINTS)
        self._ignored: set[str] = set()
        # An inbox of their own: ten levels a second must not push a segment out of the other.
        self._levels = Inbox(("level",), None, capacity=_LEVELS_A_STATION)
        self._follow_about()
        for station_id in self._topics:
            self._refresh(station_id)

    @property
    def redacted(self) -> str:
        """The broker's URL without its secrets."""
        return self._broker.redacted

    async def run(self) -> None:
        """Publish for ever; cancelling it says `offline` and leaves, within 2 s."""
        inbox = self._hub.subscribe(_TOPICS, capacity=_INBOX_CAPACITY)
        self._hub.add(self._levels)
        tasks = {asyncio.create_task(self._listen(inbox)), asyncio.create_task(self._stay_connected())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._hub.unsubscribe(inbox)
            self._hub.unsubscribe(self._levels)
            for event in inbox.drain():  # the stations' last words, such as the end of a segment
                self._hear(event)
            await _end(tasks, patience_s=_FAREWELL_S + 0.2)

    # ---- from the hub to the outbox

    async def _listen(self, inbox: Inbox) -> None:
        while True:
            event = await inbox.get()
            for level in self._levels.drain():
                if isinstance(level, LevelEvent) and level.station in self._topics:
                    self._topics[level.station].hear_level(level)
            self._hear(event)

    def _hear(self, event: Event) -> None:
        self._follow_about()
        below = f"{self._base}/{event.station}"
        if isinstance(event, SegmentEvent):
            # By what it says of which segment: an update replaces the update before it, never a "new" or "end".
            self._outbox.send_event(f"{below}/event", topics.segment(event), about=(event.id, event.change))
        elif isinstance(event, NoticeEvent):
            about = (event.id, event.change, event.severity)
            self._outbox.send_event(f"{below}/notice", topics.compact(event.to_wire()), about=about)
        station = self._topics.get(event.station)
        if station is None:  # its last words, or an event of none
            return
        if isinstance(event, HopEvent):
            station.hear_hop(event)
            self._outbox.send(f"{below}/probs", topics.probs(event))
        elif isinstance(event, StatusEvent):
            station.hear_status(event)
            level = station.take_level()
            if level is not None:
                self._outbox.send(f"{below}/level", level)
            elif event.state in {"no_signal", "paused"}:
                self._outbox.withdraw(f"{below}/level")  # it has no time of its own, and would be taken for a new one
        self._refresh(event.station)

    def _follow_about(self) -> None:
        """Tell what is new of the daemon and its stations, and make the broker forget stations that have gone."""
        about, before = self._hub.about, self._about
        if about is before:
            return
        self._about = about
        self._outbox.retain(f"{self._base}/info", topics.info(about))
        if before is None or before.stations is not about.stations:
            self._follow_stations(about)
        if self._home is not None:
            for info in about.stations:
                self._outbox.retain(self._home.topic(info.id), self._home.announcement(info, about))

    def _follow_stations(self, about: About) -> None:
        known = {info.id: info for info in about.stations}
        for station in [each for each in self._topics if each not in known]:
            del self._topics[station]
            self._outbox.empty_below(f"{self._base}/{station}")
            if self._home is not None:
                self._outbox.empty(self._home.topic(station))
        for station, info in known.items():
            if station not in self._topics:
                check_topic_part(station)
                self._topics[station] = StationTopics.of(self._hub.latest[station], trained=about.trained)
            if self._checked.get(station) and not info.checks:
                self._outbox.empty(f"{self._base}/{station}/notices")
        self._checked = {station: bool(info.checks) for station, info in known.items()}
        self._announced = set() if self._home is None else {self._home.topic(station) for station in known}
        self._levels.capacity = _LEVELS_A_STATION * len(known)

    def _refresh(self, station: str) -> None:
        """Put what changed of the station's retained topics into the outbox."""
        slugs = self._hub.about.labels.slugs
        for topic, payload in self._topics[station].retained(slugs).items():
            self._outbox.retain(f"{self._base}/{station}/{topic}", payload)
        if self._checked[station]:
            holding = topics.notices(self._hub.latest[station].notices.values())
            self._outbox.retain(f"{self._base}/{station}/notices", holding)

    # ---- from the outbox to the broker

    async def _stay_connected(self) -> None:
        delay_s = _FIRST_DELAY_S
        loop = asyncio.get_running_loop()
        while True:
            begun = loop.time()
            try:
                await self._session()
            except RefusedError as error:
                self.state = f"refused: {error}"
                self._complain(f"MQTT broker {self.redacted} refuses: {error}; trying again slowly")
                delay_s = max(delay_s, _REFUSED_DELAY_S)
            except (aiomqtt.MqttError, OSError, TimeoutError) as error:
                why = str(error) or "no answer in time"
                self.state = "connecting"
                self._complain(f"MQTT broker {self.redacted} is away ({why}); trying again")
                if loop.time() - begun > _LONGEST_DELAY_S:
                    delay_s = _FIRST_DELAY_S  # it was a real connection, not one that is thrown out at once
            # Jitter, so that a hundred nodes do not fall over a broker that just came back.
            await asyncio.sleep(delay_s * random.uniform(1.0, 1.5))  # noqa: S311 - no secret hangs on it
            delay_s = min(2 * delay_s, _LONGEST_DELAY_S)

    def _complain(self, text: str) -> None:
        """Log each complaint once until a connection succeeds."""
        if text not in self._complaints:
            self._complaints.append(text)
            _log.warning("%s", text)

    async def _session(self) -> None:
        await self._broker.reach()
        client = self._client()
        try:
            async with contextlib.AsyncExitStack() as stack:
                await _enter(stack, client)
                doings = [
                    self._converse(client), self._listen_to_broker(client), sweep(client, self._stale(), self._forget)
                ]  # fmt: skip
                talk = {asyncio.create_task(doing) for doing in doings}
                try:
                    done, _ = await asyncio.wait(talk, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        task.result()
                except asyncio.CancelledError:
                    await _end(talk)
                    await self._farewell(client)
                    raise
                except aiomqtt.MqttError:
                    _shut(client)
                    raise
                finally:
                    await _end(talk)
                    if self.state == "online":
                        self.state = "connecting"
        except MqttConnectError as error:
            raise RefusedError(_reason(error)) from None
        finally:
            _shut(client)

    def _client(self) -> aiomqtt.Client:
        broker = self._broker
        client = aiomqtt.Client(
            broker.host,
            broker.port,
            transport="tcp" if broker.path is None else "websockets",
            websocket_path=broker.path,
            username=broker.username,
            password=broker.password,
            identifier=self._client_id,
            logger=_client_log,
            will=aiomqtt.Will(f"{self._base}/status", "offline", qos=1, retain=True),
            clean_session=True,
            timeout=self._publish_timeout_s,
            keepalive=self._keepalive_s,
            max_queued_incoming_messages=32,
            tls_context=broker.tls,
        )
        # aiomqtt keeps a loss for whoever asks; when nobody is left to ask, asyncio would report it as an error.
        client._disconnected.add_done_callback(asyncio.Future.exception)  # noqa: SLF001 - aiomqtt shows it nowhere else
        loop = OpenSocketsLoop(client._loop, lambda number: _number_of(client) == number)  # noqa: SLF001 - as above
        client._loop = cast("asyncio.AbstractEventLoop", loop)  # noqa: SLF001
        self._distrust(client)
        return client

    def _distrust(self, client: aiomqtt.Client) -> None:
        """Leave a broker whose packets paho stumbles over: nobody else hears of it, and each would fill the log."""
        read = client._client.loop_read  # noqa: SLF001 - the one place through which all that comes goes

        def loop_read(max_packets: int = 1) -> MQTTErrorCode:
            try:
                return read(max_packets)
            except ValueError as error:  # a topic that is no UTF-8
                self._complain(f"MQTT broker {self.redacted} sends what is no MQTT ({error}); connecting anew")
                _shut(client)
                return MQTTErrorCode.MQTT_ERR_PROTOCOL

        client._client.loop_read = loop_read  # type: ignore[method-assign]  # noqa: SLF001

    async def _converse(self, client: aiomqtt.Client) -> None:
        """Republish all that is retained, say `online`, and go on with what comes."""
        self._outbox.repeat()
        await self._empty_outbox(client)
        await client.publish(f"{self._base}/status", "online", qos=1, retain=True)
        self.state = "online"
        self._complaints.clear()
        _log.info("MQTT broker %s: online as %s", self.redacted, self._base)
        while True:
            await self._outbox.filled()
            await self._empty_outbox(client)

    async def _empty_outbox(self, client: aiomqtt.Client) -> None:
        while (waiting := self._outbox.first()) is not None:
            key, message = waiting
            # QoS 0: done when the socket took it, and a stalled broker ends the connection by the client's timeout.
            await client.publish(message.topic, message.payload, qos=0, retain=message.retain)
            self._outbox.sent(key, message)

    async def _farewell(self, client: aiomqtt.Client) -> None:
        with contextlib.suppress(TimeoutError, aiomqtt.MqttError):
            async with asyncio.timeout(_FAREWELL_S):
                await self._empty_outbox(client)
                for station in self._topics:
                    await client.publish(f"{self._base}/{station}/status", "offline", qos=0, retain=True)
                await client.publish(f"{self._base}/status", "offline", qos=1, retain=True)
                return
        _shut(client)

    # ---- from the broker

    async def _listen_to_broker(self, client: aiomqtt.Client) -> None:
        if self._on_enabled is not None:
            await client.subscribe(f"{self._base}/+/enabled/set", qos=1)
        if self._home is not None:
            await client.subscribe([(topic, 1) for topic in self._home.births])
        async for message in client.messages:
            topic = str(message.topic)
            payload = message.payload if isinstance(message.payload, bytes) else b""
            if self._home is not None and topic in self._home.births:
                if payload == b"online" and not message.retain:
                    self._outbox.repeat(self._announced)
            else:
                self._command(topic, payload, retained=message.retain)

    def _stale(self) -> dict[str, IsStale]:
        """Where to look for what an earlier life of this node said, and how to know what no longer holds."""

        def is_ours(topic: str, _payload: bytes | bytearray) -> bool:
            return not self._outbox.retains(topic)

        stale: dict[str, IsStale] = {f"{self._base}/+/{below}": is_ours for below in topics.RETAINED}
        home = self._home
        if home is not None:
            stale[home.every_device] = lambda topic, payload: (
                topic not in self._announced and home.is_own(topic, payload)
            )
        return stale

    def _forget(self, topic: str) -> None:
        _log.info("MQTT: %s is of an earlier configuration of this node: the broker is told to forget it", topic)
        self._outbox.empty(topic)

    def _command(self, topic: str, payload: bytes, *, retained: bool) -> None:
        station = topic.removeprefix(f"{self._base}/").removesuffix("/enabled/set")
        if retained:
            # It would come again with every connection, and undo what was switched meanwhile.
            self._ignore(topic, "is retained; send commands without retain")
        elif station not in self._topics:
            self._ignore(topic, "is for a station that does not exist")
        elif payload not in {b"ON", b"OFF"}:
            self._ignore(topic, f"is neither ON nor OFF but {len(payload)} bytes of something else")
        elif self._on_enabled is not None:
            enabled = payload == b"ON"
            self._on_enabled(station, enabled)
            self._topics[station].enabled = enabled
            self._refresh(station)

    def _ignore(self, topic: str, why: str) -> None:
        # Once for each topic, and topics are a stranger's to invent: not for more than so many.
        if topic not in self._ignored and len(self._ignored) < _MAX_IGNORED_TOPICS:
            self._ignored.add(topic)
            _log.warning("MQTT: a command on %r is ignored: it %s", topic[:120], why)


def _reason(error: MqttConnectError) -> str:
    # aiomqtt puts "[code:135] " before the broker's words.
    return str(error).partition("] ")[2] or str(error)


async def _enter(stack: contextlib.AsyncExitStack, client: aiomqtt.Client) -> None:
    try:
        await stack.enter_async_context(client)
    except (LookupError, ValueError) as error:  # paho stumbles over headers of a WebSocket that it did not expect
        raise OSError(f"its answer is not understood: {error!r}") from None
    sock = _socket_of(client)
    if sock is not None:
        # What the kernel takes for a stalled broker it delivers later, stale: let it take little.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)


async def _end(tasks: set[asyncio.Task[None]], patience_s: float = 0.1) -> None:
    """Cancel the tasks and wait for them; those that go on for longer than `patience_s` are cancelled again.

    aiomqtt waits by `asyncio.wait_for`, which before Python 3.12 loses a cancellation that comes at the same moment as
    the broker's answer: the task would go on for ever, and the daemon would not stop.
    """
    going = set(tasks)
    while going:
        for task in going:
            task.cancel()
        _, going = await asyncio.wait(going, timeout=patience_s)
    await asyncio.gather(*tasks, return_exceptions=True)


def _shut(client: aiomqtt.Client) -> None:
    """Shut the socket down, which makes paho end the connection at once; it may be long gone.

    aiomqtt leaves a connection open whose broker never answered, and waits politely for one that takes no data.
    """
    sock = _socket_of(client)
    if sock is not None:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)


def _socket_of(client: aiomqtt.Client) -> socket.socket | None:
    sock = client._client.socket()  # noqa: SLF001 - the one way to the socket
    sock = getattr(sock, "_socket", sock)  # paho wraps that of a WebSocket
    return sock if isinstance(sock, socket.socket) else None


def _number_of(client: aiomqtt.Client) -> int | None:
    sock = _socket_of(client)
    return None if sock is None else sock.fileno()
