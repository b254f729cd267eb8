"""The MQTT broker's address: what a URL says, which certificates are trusted, and whether it can be reached."""

import asyncio
import ssl
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.typing import Subprotocol

from ccmusicd.publish.errors import TopicError

_DEFAULT_PORTS = {"mqtt": 1883, "mqtts": 8883, "ws": 80, "wss": 443}
_ENCRYPTED = frozenset({"mqtts", "wss"})
_WEBSOCKET = frozenset({"ws", "wss"})
_USUAL_PATH = "/mqtt"
_CONNECT_TIMEOUT_S = 5.0
_WANTED = "it must be mqtt://[user:password@]host[:port], mqtts://..., ws://host[:port][/path] or wss://..."


class RefusedError(Exception):
    """The broker is there and does not want this client: trying again soon would not help."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is and how it is spoken to.

    `path` is that of the WebSocket's URL, None for plain MQTT; `tls` the trusted certificates, None without TLS.
    """

    scheme: str
    host: str
    port: int
    path: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    tls: ssl.SSLContext | None = field(default=None, repr=False)

    @property
    def redacted(self) -> str:
        """The broker's URL without its secrets."""
        user = "***@" if self.username else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{user}{host}:{self.port}{self.path or ''}"

    async def reach(self) -> None:
        """Open a connection and close it: aiomqtt's own blocks a thread, and loses why it was refused.

        Raises:
            RefusedError: its certificate is not trusted, it speaks no TLS, or no WebSocket on this path.
            OSError: it is not there, or did not answer in time.
        """
        try:
            async with asyncio.timeout(_CONNECT_TIMEOUT_S):
                await (self._reach_websocket() if self.path is not None else self._reach_port())
        except ssl.SSLCertVerificationError as error:
            raise RefusedError(f"its certificate is not valid ({error.verify_message})") from None
        except ssl.SSLError as error:
            raise RefusedError(f"no TLS with it ({error.reason or error})") from None

    async def _reach_port(self) -> None:
        tls = {"ssl": self.tls, "server_hostname": self.host} if self.tls else {}
        _, writer = await asyncio.open_connection(self.host, self.port, **tls)  # type: ignore[arg-type]
        writer.transport.abort()

    async def _reach_websocket(self) -> None:
        host = f"[{self.host}]" if ":" in self.host else self.host
        url = f"{self.scheme}://{host}:{self.port}{self.path}"
        try:
            connection = await connect(url, ssl=self.tls, subprotocols=[Subprotocol("mqtt")], proxy=None)
        except InvalidStatus as error:
            status = error.response.status_code
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:  # a proxy whose broker is being started
                raise OSError(f"HTTP status {status}") from None
            raise RefusedError(f"it has no WebSocket on {self.path} (HTTP status {status})") from None
        except InvalidHandshake as error:
            raise RefusedError(f"it has no WebSocket on {self.path} ({error})") from None
        connection.transport.abort()


def parse_broker(
    url: str, *, username: str | None = None, password: str | None = None, ca_file: Path | None = None
) -> Broker:
    """The broker at mqtt://[user[:password]@]host[:port], mqtts://…, ws://…[/path] or wss://….

    `username` and `password` come before those of the URL. `ca_file` replaces the system's certificates.

    Raises:
        TopicError: the address or the certificates cannot be used; the message repeats no secret.
    """
    parts = _split(url)
    return Broker(
        scheme=parts.scheme,
        host=parts.hostname or "",
        port=parts.port or _DEFAULT_PORTS[parts.scheme],
        path=quote(parts.path or _USUAL_PATH, safe="/%:@!$&'()*+,;=~") if parts.scheme in _WEBSOCKET else None,
        username=username or (unquote(parts.username) if parts.username else None),
        password=password or (unquote(parts.password) if parts.password else None),
        tls=_trusted(ca_file) if parts.scheme in _ENCRYPTED else None,
    )


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise TopicError(f"the MQTT broker's address is not valid ({error}); {_WANTED}") from None
    begin = f"{parts.scheme}://" if parts.netloc else f"{parts.scheme}:" if parts.scheme else ""
    user, _, rest = f"{parts.netloc}{parts.path}".rpartition("@")  # without //, the password stands in the path
    shown = f"{begin}{'***@' if user else ''}{rest}"
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or port == 0:
        raise TopicError(f"the MQTT broker's address {shown!r} is not valid; {_WANTED}")
    has_path = parts.path not in {"", "/"} and parts.scheme not in _WEBSOCKET
    if has_path or parts.query or parts.fragment:
        raise TopicError(f"the MQTT broker's address {shown!r} has something after the host; {_WANTED}")
    return parts


def _trusted(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise TopicError(f"the certificates in {ca_file} cannot be used: {error.strerror or error}") from None
