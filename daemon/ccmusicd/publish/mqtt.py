"""The MQTT publisher: retained state, live probabilities and events, with a broker that may come and go."""

import asyncio
import contextlib
import logging
import random
import socket
import ssl
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

import aiomqtt
from aiomqtt.exceptions import MqttConnectError

from ccmusicd.events import Event, HopEvent, SegmentEvent, StatusEvent
from ccmusicd.hub import About, Hub, Inbox
from ccmusicd.publish import topics
from ccmusicd.publish.errors import TopicError
from ccmusicd.publish.topics import StationTopics, check_topic_part

_log = logging.getLogger(__name__)
_client_log = logging.getLogger(f"{__name__}.client")
_client_log.setLevel(logging.ERROR)  # a flood of commands would else be a flood of warnings

_TOPICS = ("hop", "segment", "status")
_INBOX_CAPACITY = 1024
_MAX_WAITING_EVENTS = 256
_MAX_IGNORED_TOPICS = 100
_CONNECT_TIMEOUT_S = 5.0
_FAREWELL_S = 1.0
_SEND_BUFFER_BYTES = 64 * 1024
_FIRST_DELAY_S = 1.0
_LONGEST_DELAY_S = 30.0
_REFUSED_DELAY_S = 30.0

OnEnabled = Callable[[str, bool], None]
"""Called with (station, on) when somebody switches a station on or off."""


@dataclass(frozen=True, slots=True)
class _Message:
    topic: str
    payload: str
    retain: bool


class RefusedError(Exception):
    """The broker is there and does not want this client: trying again soon would not help."""


class Mqtt:
    """Publishes under `root`/`node`, for as long as `run` runs.

    `url` is mqtt://[user[:password]@]host[:port] or mqtts://…; `username` and `password` come before those of the
    URL. `ca_file` replaces the system's certificates. `state` tells "connecting", "online" or "refused: why".
    The default `client_id` belongs to the node, so that a new connection ends (and with it silences the last will
    of) an older one that the broker still believes in.
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
    ) -> None:
        check_topic_part(root)
        check_topic_part(node)
        for station in hub.about.stations:
            check_topic_part(station.id)
        parts = _split(url)
        self.state = "connecting"
        self._hub = hub
        self._host, self._port = parts.hostname or "", parts.port or (8883 if parts.scheme == "mqtts" else 1883)
        self._username = username or (unquote(parts.username) if parts.username else None)
        self._password = password or (unquote(parts.password) if parts.password else None)
        self._tls = _tls_context(ca_file) if parts.scheme == "mqtts" else None
        self._scheme = parts.scheme
        self._base = f"{root}/{node}"
        self._client_id = client_id or f"{root}-{node}"
        self._keepalive_s = keepalive_s
        self._on_enabled = on_enabled
        self._publish_timeout_s = publish_timeout_s
        self._topics = {s.id: StationTopics(trained=hub.about.trained) for s in hub.about.stations}
        self._about: About | None = None
        self._retained: dict[str, str] = {}
        self._outbox: OrderedDict[Hashable, _Message] = OrderedDict()
        self._filled = asyncio.Event()
        self._complaints: set[str] = set()
        self._ignored: set[str] = set()
        for station_id in self._topics:
            self._refresh(station_id)

    @property
    def redacted(self) -> str:
        """The broker's URL without its secrets."""
        user = "***@" if self._username else ""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{self._scheme}://{user}{host}:{self._port}"

    async def run(self) -> None:
        """Publish for ever; cancelling it says `offline` and leaves, within 2 s."""
        inbox = self._hub.subscribe(_TOPICS, capacity=_INBOX_CAPACITY)
        tasks = {asyncio.create_task(self._listen(inbox)), asyncio.create_task(self._stay_connected())}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            self._hub.unsubscribe(inbox)
            for event in inbox.drain():  # the stations' last words, such as the end of a segment
                self._hear(event)
            await _end(tasks)

    # ---- from the hub to the outbox

    async def _listen(self, inbox: Inbox) -> None:
        while True:
            self._hear(await inbox.get())

    def _hear(self, event: Event) -> None:
        station = self._topics[event.station]
        if isinstance(event, HopEvent):
            station.hear_hop(event)
            self._put(f"{event.station}/probs", topics.probs(event), retain=False)
        elif isinstance(event, StatusEvent):
            station.hear_status(event)
        elif isinstance(event, SegmentEvent):
            # Keyed by what it says of which segment: an update replaces the update before it, never a "new" or "end".
            key = ("event", event.id, event.change)
            self._put(f"{event.station}/event", topics.segment(event), retain=False, key=key)
        self._refresh(event.station)

    def _refresh(self, station: str) -> None:
        """Put what changed of the retained topics into the outbox."""
        if self._about is not self._hub.about:
            self._about = self._hub.about
            self._retain("info", topics.info(self._about))
        for topic, payload in self._topics[station].retained(self._about.labels.slugs).items():
            self._retain(f"{station}/{topic}", payload)

    def _retain(self, topic: str, payload: str) -> None:
        if self._retained.get(topic) != payload:
            self._retained[topic] = payload
            self._put(topic, payload, retain=True)

    def _put(self, topic: str, payload: str, *, retain: bool, key: Hashable = None) -> None:
        """One slot a topic (or key): the newest wins. Only events can be many; their oldest go first."""
        key = topic if key is None else key
        self._outbox.pop(key, None)
        self._outbox[key] = _Message(f"{self._base}/{topic}", payload, retain)
        if isinstance(key, tuple):
            events = [waiting for waiting in self._outbox if isinstance(waiting, tuple)]
            if len(events) > _MAX_WAITING_EVENTS:
                del self._outbox[events[0]]
        self._filled.set()

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
            self._complaints.add(text)
            _log.warning("%s", text)

    async def _session(self) -> None:
        await self._reach()
        client = self._client()
        try:
            async with client:
                talk = {asyncio.create_task(self._converse(client)), asyncio.create_task(self._obey(client))}
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

    async def _reach(self) -> None:
        """Open and close a connection first: aiomqtt's own blocks a thread, and loses why TLS was refused."""
        tls = {"ssl": self._tls, "server_hostname": self._host} if self._tls else {}
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                _, writer = await asyncio.open_connection(self._host, self._port, **tls)  # type: ignore[arg-type]
        except ssl.SSLCertVerificationError as error:
            raise RefusedError(f"its certificate is not valid ({error.verify_message})") from None
        except ssl.SSLError as error:
            raise RefusedError(f"no TLS with it ({error.reason or error})") from None
        writer.transport.abort()

    def _client(self) -> aiomqtt.Client:
        client = aiomqtt.Client(
            self._host,
            self._port,
            username=self._username,
            password=self._password,
            identifier=self._client_id,
            logger=_client_log,
            will=aiomqtt.Will(f"{self._base}/status", "offline", qos=1, retain=True),
            clean_session=True,
            timeout=self._publish_timeout_s,
            keepalive=self._keepalive_s,
            max_queued_incoming_messages=32,
            tls_context=self._tls,
            # What the kernel takes for a stalled broker it delivers later, stale: let it take little.
            socket_options=[(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)],
        )
        # aiomqtt keeps a loss for whoever asks; when nobody is left to ask, asyncio would report it as an error.
        client._disconnected.add_done_callback(asyncio.Future.exception)  # noqa: SLF001 - aiomqtt shows it nowhere else
        return client

    async def _converse(self, client: aiomqtt.Client) -> None:
        """Republish all that is retained, say `online`, and go on with what comes."""
        for topic, payload in self._retained.items():
            self._put(topic, payload, retain=True)
        await self._empty_outbox(client)
        await client.publish(f"{self._base}/status", "online", qos=1, retain=True)
        self.state = "online"
        self._complaints.clear()
        _log.info("MQTT broker %s: online as %s", self.redacted, self._base)
        while True:
            self._filled.clear()
            await self._empty_outbox(client)
            await self._filled.wait()

    async def _empty_outbox(self, client: aiomqtt.Client) -> None:
        while self._outbox:
            key, message = next(iter(self._outbox.items()))
            # QoS 0: done when the socket took it, and a stalled broker ends the connection by the client's timeout.
            await client.publish(message.topic, message.payload, qos=0, retain=message.retain)
            if self._outbox.get(key) is message:
                del self._outbox[key]

    async def _farewell(self, client: aiomqtt.Client) -> None:
        with contextlib.suppress(TimeoutError, aiomqtt.MqttError):
            async with asyncio.timeout(_FAREWELL_S):
                await self._empty_outbox(client)
                for station in self._topics:
                    await client.publish(f"{self._base}/{station}/status", "offline", qos=0, retain=True)
                await client.publish(f"{self._base}/status", "offline", qos=1, retain=True)
                return
        _shut(client)

    # ---- commands

    async def _obey(self, client: aiomqtt.Client) -> None:
        if self._on_enabled is not None:
            await client.subscribe(f"{self._base}/+/enabled/set", qos=1)
        async for message in client.messages:
            self._command(message)

    def _command(self, message: aiomqtt.Message) -> None:
        topic = str(message.topic)
        station = topic.removeprefix(f"{self._base}/").removesuffix("/enabled/set")
        if message.retain:
            # It would come again with every connection, and undo what was switched meanwhile.
            self._ignore(topic, "is retained; send commands without retain")
        elif station not in self._topics:
            self._ignore(topic, "is for a station that does not exist")
        elif message.payload not in {b"ON", b"OFF"}:
            self._ignore(topic, f"is neither ON nor OFF but {len(message.payload)} bytes of something else")
        elif self._on_enabled is not None:
            enabled = message.payload == b"ON"
            self._on_enabled(station, enabled)
            self._topics[station].enabled = enabled
            self._refresh(station)

    def _ignore(self, topic: str, why: str) -> None:
        # Once for each topic, and topics are a stranger's to invent: not for more than so many.
        if topic not in self._ignored and len(self._ignored) < _MAX_IGNORED_TOPICS:
            self._ignored.add(topic)
            _log.warning("MQTT: a command on %r is ignored: it %s", topic[:120], why)


def check_broker(url: str, ca_file: Path | None) -> None:
    """Raise `TopicError` when `Mqtt` would refuse this address or these certificates."""
    if _split(url).scheme == "mqtts":
        _tls_context(ca_file)


def _split(url: str) -> SplitResult:
    """The URL's parts, or a `TopicError` that repeats none of its secrets."""
    wanted = "it must be mqtt://[user:password@]host[:port] or mqtts://..."
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise TopicError(f"the MQTT broker's address is not valid ({error}); {wanted}") from None
    shown = f"{parts.scheme}://{'***@' if '@' in parts.netloc else ''}{parts.netloc.rpartition('@')[2]}{parts.path}"
    if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname or port == 0:
        raise TopicError(f"the MQTT broker's address {shown!r} is not valid; {wanted}")
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise TopicError(f"the MQTT broker's address {shown!r} has something after the host; {wanted}")
    return parts


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise TopicError(f"the certificates in {ca_file} cannot be used: {error.strerror or error}") from None


def _reason(error: MqttConnectError) -> str:
    # aiomqtt puts "[code:135] " before the broker's words.
    return str(error).partition("] ")[2] or str(error)


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _shut(client: aiomqtt.Client) -> None:
    """Shut the socket down, which makes paho end the connection at once; it may be long gone.

    aiomqtt leaves a connection open whose broker never answered, and waits politely for one that takes no data.
    """
    sock = client._client.socket()  # noqa: SLF001 - the one way to the socket
    if isinstance(sock, socket.socket):
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)
