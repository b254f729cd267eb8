"""Who may ask: the token, the names under which the daemon is reached, the sites whose pages may connect."""

import hmac
import ipaddress
import json
from collections.abc import Collection
from http import HTTPStatus
from typing import Any, TypedDict, Unpack
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from ccmusicd.publish.limits import Limiter

LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


class AccessRules(TypedDict, total=False):
    """Who may ask.

    `token`: what clients must show; None asks nobody. Those on this machine are spared unless `token_for_all`; what a
    proxy passes on, as its headers say, counts as remote wherever the proxy runs.
    `allowed_hosts` are names ("radio.example", any port) under which the server is reached, `allowed_origins` sites
    ("https://studio.example") whose pages may connect, beside the server's own.
    """

    token: str | None
    token_for_all: bool
    allowed_hosts: Collection[str]
    allowed_origins: Collection[str]


class Access:
    """The rules of one server, which may be changed while it runs."""

    def __init__(self, **rules: Unpack[AccessRules]) -> None:
        self._names_at_hand: frozenset[str] = frozenset()
        self._is_on_loopback = False
        self.change(**rules)

    def change(self, **rules: Unpack[AccessRules]) -> None:
        """Judge by these from the next request on; who is connected stays so."""
        token = rules.get("token")
        self._token = None if token is None else token.encode()
        self._token_for_all = rules.get("token_for_all", False)
        self._allowed_hosts = frozenset(host.lower() for host in rules.get("allowed_hosts", ()))
        self._origins = frozenset(origin.lower().rstrip("/") for origin in rules.get("allowed_origins", ()))

    @property
    def is_open(self) -> bool:
        """Whether nobody needs a token."""
        return self._token is None

    def listens(self, host: str, *, loopback: bool) -> None:
        """The server listens on `host`: on the loopback, it answers to that, the loopback's names, and those allowed.

        Elsewhere its names are not known, and all are answered unless some are allowed.
        """
        self._names_at_hand = frozenset({host.lower(), *LOOPBACK_NAMES})
        self._is_on_loopback = loopback

    @property
    def _hosts(self) -> frozenset[str]:
        """The names it answers to; none: to all."""
        known = self._is_on_loopback or bool(self._allowed_hosts)
        return self._allowed_hosts | self._names_at_hand if known else frozenset()

    def is_host(self, headers: Headers) -> bool:
        """Whether the client asks for this daemon.

        A page of a stranger's site whose name was made to lead to this machine (DNS rebinding) asks for that name.
        A client that names no host is no browser.
        """
        host = headers.get("host")
        return host is None or not self._hosts or _without_port(host.lower()) in self._hosts

    def is_origin(self, headers: Headers) -> bool:
        """Whether the page from which a browser connects is the daemon's own or of an allowed site."""
        origin = headers.get("origin")
        if origin is None or origin.lower() in self._origins:
            return True
        try:
            host = headers.get("host", "").lower()
            return bool(host) and urlsplit(origin.lower()).netloc == host
        except ValueError:  # "http://[" and the like
            return False

    def asks(self, connection: HTTPConnection) -> bool:
        """Whether this client must show the token."""
        if self._token is None:
            return False
        remote = any(name in connection.headers for name in _FORWARDED) or not is_loopback(peer(connection))
        return remote or self._token_for_all

    def knows(self, given: str) -> bool:
        """Whether that is the token; takes as long whatever is wrong with it."""
        return self._token is not None and hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self._token)

    def knows_header(self, headers: Headers) -> bool:
        """Whether `Authorization: Bearer …` has the token."""
        scheme, _, given = headers.get("authorization", "").partition(" ")
        return self.knows(given.strip()) and scheme.lower() == "bearer"

    def knows_message(self, text: str | None) -> bool:
        """Whether a WebSocket's first message is {"type": "token", "token": …} with the token."""
        try:
            message: Any = json.loads(text or "")
        except (ValueError, RecursionError):
            return False
        given = message.get("token") if isinstance(message, dict) and message.get("type") == "token" else None
        return isinstance(given, str) and self.knows(given)


class Guarded:
    """An application for those with the token, each address so many times a second (`Limiter`)."""

    def __init__(self, app: ASGIApp, *, access: Access, limiter: Limiter) -> None:
        self._app, self._access, self._limiter = app, access, limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it."""
        connection = HTTPConnection(scope)
        wait_s = self._limiter.wait_s(client_address(connection))
        answer: ASGIApp = self._app
        if wait_s > 0:
            answer = too_many(wait_s)
        elif self._access.asks(connection) and not self._access.knows_header(connection.headers):
            answer = unauthorized(connection.headers)
        await answer(scope, receive, send)


def unauthorized(headers: Headers) -> Response:
    """The answer to a client without the token."""
    wrong = "authorization" in headers
    sentence = "that is not the token" if wrong else "a token is needed, as in Authorization: Bearer TOKEN"
    return refusal(HTTPStatus.UNAUTHORIZED, sentence, {"www-authenticate": "Bearer"})


def too_many(wait_s: int) -> Response:
    """The answer to a client that asks too often."""
    return refusal(HTTPStatus.TOO_MANY_REQUESTS, "too many requests from your address", {"retry-after": str(wait_s)})


def refusal(status: int, sentence: str, headers: dict[str, str] | None = None) -> Response:
    """A refusal as the API words it."""
    return JSONResponse({"error": sentence}, status_code=status, headers=headers)


def peer(connection: HTTPConnection) -> str:
    """The address of the other end; empty where it has none."""
    return connection.client.host if connection.client is not None else ""


def client_address(connection: HTTPConnection) -> str:
    """The address to count by: the peer's, or what a proxy on this machine says that its own peer's was.

    What a client wrote itself stands before that. IPv6 counts by /64, since one subscriber has as much.
    """
    address = peer(connection)
    passed_on = connection.headers.get("x-forwarded-for", "")
    if passed_on and is_loopback(address):
        address = passed_on.rpartition(",")[2].strip()
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:45]
    return str(parsed) if parsed.version == 4 else str(ipaddress.ip_network((parsed, 64), strict=False))


def is_loopback(address: str) -> bool:
    """Whether an address is one of this machine's loopback, which no other machine can come from or reach."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(parsed, "ipv4_mapped", None)
    return bool((mapped or parsed).is_loopback)


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and (port.isdigit() or not port) else host
