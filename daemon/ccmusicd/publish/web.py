"""The web server: the viewer's files, the HTTP API and `/ws`, on one port."""

import asyncio
import errno
import logging
import mimetypes
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from ccmusicd import __version__
from ccmusicd.events import WIRE_VERSION
from ccmusicd.hub import Hub, Latest, StationInfo
from ccmusicd.publish.connection import HEAD_TIMEOUT_S, MAX_URI_BYTES, BoundedHttp, BoundedWebSocket, EmbeddedServer
from ccmusicd.publish.errors import PublishError
from ccmusicd.publish.websocket import MAX_COMMAND_BYTES, Pause, Session, Wire

_log = logging.getLogger(__name__)

# Registered here because a browser runs a module only under a JavaScript type, and systems differ in what they know.
for _suffix in (".js", ".mjs"):
    mimetypes.add_type("text/javascript", _suffix)

_SAFETY = {
    "content-security-policy": (
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; object-src 'none'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    # The browser keeps a copy and asks each time whether it still holds (ETag): no stale viewer after an update.
    "cache-control": "no-cache",
}

_HTTP_CONNECTIONS_BESIDE_CLIENTS = 100
_STOP_TIMEOUT_S = 1
_PING_S = 20.0


class Web:
    """Serves HTTP and WebSocket on `host`:`port` (0: any free port) inside the running event loop.

    `viewer` is the folder with `index.html`. `ready` decides `/readyz`; `ailment` says why the daemon analyses
    nothing, which makes `/healthz` 503, and `health` adds what is degraded. `metrics` is the text of `/metrics`.
    `pause` is called with (station, True) to pause and (station, False) to resume; without it clients may not.
    Browsers on other hosts are refused unless their origin ("https://example.org") stands in `allowed_origins`. A
    client whose connection takes nothing for `send_timeout_s` is cut.
    """

    def __init__(
        self,
        hub: Hub,
        *,
        host: str,
        port: int,
        viewer: Path,
        ready: Callable[[], bool],
        max_clients: int = 200,
        pause: Pause | None = None,
        health: Callable[[], Mapping[str, Any]] = dict,
        ailment: Callable[[], str | None] = lambda: None,
        metrics: Callable[[], bytes] = bytes,
        allowed_origins: tuple[str, ...] = (),
        send_timeout_s: float = 10.0,
        head_timeout_s: float = HEAD_TIMEOUT_S,
    ) -> None:
        if not (viewer / "index.html").is_file():
            raise PublishError(f"the viewer's folder {viewer} has no index.html")
        self.clients_cut = 0
        self.clients_refused = 0
        self._events_dropped = 0
        self._hub = hub
        self._host, self._port = host, port
        self._viewer = viewer
        self._ready = ready
        self._max_clients = max_clients
        self._pause = pause
        self._health = health
        self._ailment = ailment
        self._metrics = metrics
        self._allowed_origins = frozenset(origin.lower().rstrip("/") for origin in allowed_origins)
        self._send_timeout_s = send_timeout_s
        self._head_timeout_s = head_timeout_s
        self._wire = Wire()
        self._sessions: set[Session] = set()
        self._server: EmbeddedServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._address: tuple[str, int] = (host, port)

    @property
    def address(self) -> tuple[str, int]:
        """Host and port as bound; the real port when 0 was asked for."""
        return self._address

    @property
    def clients(self) -> int:
        """WebSocket clients connected now."""
        return len(self._sessions)

    @property
    def connections(self) -> int:
        """Connections open now, of HTTP and WebSocket together."""
        return len(self._server.server_state.connections) if self._server else 0

    @property
    def events_dropped(self) -> int:
        """Events that slow clients lost, since the start."""
        return self._events_dropped + sum(session.dropped for session in self._sessions)

    async def start(self) -> None:
        """Listen; `PublishError` when the address cannot be had."""
        sockets = await self._bind()
        self._address = sockets[0].getsockname()[:2]
        self._server = EmbeddedServer(self._config())
        self._serving = asyncio.create_task(self._server.serve(sockets), name="web")
        up = asyncio.create_task(self._server.up.wait())
        await asyncio.wait((up, self._serving), return_when=asyncio.FIRST_COMPLETED)
        if self._serving.done():
            up.cancel()
            self._serving.result()
        _log.info("web: listening on %s port %d", *self._address)

    async def stop(self) -> None:
        """WebSocket clients get 1001, requests under way a moment to finish; done within 2 s."""
        if self._server is None or self._serving is None:
            return
        await asyncio.gather(*(session.leave() for session in self._sessions))
        self._server.should_exit = True
        try:
            async with asyncio.timeout(1.4 * _STOP_TIMEOUT_S):
                await asyncio.shield(self._serving)
        except TimeoutError:
            self._serving.cancel()
        self._server.abort_connections()
        await asyncio.gather(self._serving, return_exceptions=True)
        self._server = None

    def _config(self) -> uvicorn.Config:
        timeout = self._head_timeout_s

        class Http(BoundedHttp):
            head_timeout_s = timeout

        return uvicorn.Config(
            self._application(),
            http=Http,
            ws=BoundedWebSocket,
            ws_max_size=MAX_COMMAND_BYTES,
            ws_ping_interval=_PING_S,
            ws_ping_timeout=_PING_S,
            ws_per_message_deflate=False,  # its contexts cost more memory a client than the small messages save
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="error",  # what strangers send is no news, and a flood of it must not be a flood in the log
            access_log=False,
            proxy_headers=False,
            server_header=False,
            limit_concurrency=self._max_clients + _HTTP_CONNECTIONS_BESIDE_CLIENTS,
            timeout_graceful_shutdown=_STOP_TIMEOUT_S,
        )

    async def _bind(self) -> list[socket.socket]:
        loop = asyncio.get_running_loop()
        shown = f"{self._host} port {self._port}"
        try:
            found = await loop.getaddrinfo(
                self._host or None, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )
        except OSError as error:
            raise PublishError(f"cannot listen on {shown}: {error.strerror}") from None
        sockets: list[socket.socket] = []
        refusal: OSError | None = None
        for family, _, _, _, address in dict.fromkeys(found):
            try:
                # With port 0 every address takes the port that the first one was given.
                port = sockets[0].getsockname()[1] if sockets else address[1]
                sockets.append(_listener(family, (address[0], port, *address[2:])))
            except OSError as error:
                refusal = error
                if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                    break
        if sockets and (refusal is None or refusal.errno in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}):
            return sockets
        for sock in sockets:
            sock.close()
        reason = refusal.strerror if refusal is not None else "the name has no address"
        raise PublishError(f"cannot listen on {shown}: {reason}")

    def _application(self) -> ASGIApp:
        return _Guard(
            Starlette(
                routes=[
                    Route("/healthz", self._healthz),
                    Route("/readyz", self._readyz),
                    Route("/metrics", self._metrics_text),
                    Route("/api/v1/stations", self._stations),
                    Route("/api/v1/now", self._now),
                    Mount("/api", app=_no_such_thing),
                    WebSocketRoute("/ws", self._websocket),
                    Mount("/", app=StaticFiles(directory=self._viewer, html=True)),
                ]
            )
        )

    async def _healthz(self, _request: Request) -> Response:
        ailment = self._ailment()
        body = {"status": "failing" if ailment else "ok", "reason": ailment}
        return JSONResponse(
            {**body, **self._health(), "clients_cut": self.clients_cut}, status_code=503 if ailment else 200
        )

    async def _metrics_text(self, _request: Request) -> Response:
        # The type of Prometheus' text format, in which `metrics` is.
        return Response(self._metrics(), media_type="text/plain; version=0.0.4")

    async def _readyz(self, _request: Request) -> Response:
        if self._ready():
            return JSONResponse({"ready": True, "reasons": []})
        return JSONResponse({"ready": False, "reasons": self._reasons()}, status_code=503)

    def _reasons(self) -> list[str]:
        reasons = [] if self._hub.about.hop_s is not None else ["the analyzer is not up yet"]
        reasons += [f"station {name} has not reported yet" for name, now in self._hub.latest.items() if not now.status]
        return reasons or ["the daemon is starting or stopping"]

    async def _stations(self, _request: Request) -> Response:
        about = self._hub.about
        stations = [_station_row(station, self._hub.latest[station.id]) for station in about.stations]
        return self._api({"stations": stations})

    async def _now(self, request: Request) -> Response:
        station = request.query_params.get("station")
        if station is None:
            return self._api({"stations": self._hub.now()})
        if station not in self._hub.latest:
            known = ", ".join(self._hub.latest)
            return JSONResponse({"error": f"unknown station {station[:80]!r}; known are {known}"}, status_code=404)
        return self._api({"stations": {station: self._hub.latest[station].to_wire()}})

    def _api(self, body: dict[str, Any]) -> Response:
        about = self._hub.about
        return JSONResponse({"version": WIRE_VERSION, "software": __version__, "trained": about.trained, **body})

    async def _websocket(self, websocket: WebSocket) -> None:
        refusal = self._refusal(websocket.headers)
        if refusal is not None:
            self.clients_refused += 1
            await websocket.send_denial_response(refusal)
            return
        session = Session(websocket, self._hub, self._wire, pause=self._pause, send_timeout_s=self._send_timeout_s)
        # Counted before the first await: a flood of handshakes cannot slip past the cap together.
        self._sessions.add(session)
        try:
            await session.run()
        finally:
            self._sessions.discard(session)
            self._events_dropped += session.dropped
            self.clients_cut += session.was_cut

    def _refusal(self, headers: Headers) -> Response | None:
        origin = headers.get("origin")
        if origin is not None and not self._is_allowed(origin.lower(), headers.get("host", "").lower()):
            return Response(f"origin {origin[:80]} is not allowed", status_code=403)
        if len(self._sessions) >= self._max_clients:
            return Response(f"{self._max_clients} clients are connected, the most allowed", status_code=503)
        return None

    def _is_allowed(self, origin: str, host: str) -> bool:
        if origin in self._allowed_origins:
            return True
        try:
            return bool(host) and urlsplit(origin).netloc == host
        except ValueError:  # "http://[" and the like
            return False


class _Guard:
    """Long addresses are refused, and every answer carries the headers of `_SAFETY`."""

    too_long: ClassVar[Response] = Response(f"the address is longer than {MAX_URI_BYTES} bytes", status_code=414)

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_SAFETY)
            await send(message)

        long = len(scope["raw_path"]) + len(scope["query_string"]) > MAX_URI_BYTES
        answer: Callable[[Scope, Receive, Send], Awaitable[None]] = self._app
        if long:
            answer = self.too_long
        elif "\0" in scope["path"]:  # no file system takes it; starlette would raise
            answer = _no_such_thing
        await answer(scope, receive, send_safely)


async def _no_such_thing(scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"error": "there is nothing here"}, status_code=404)(scope, receive, send)


def _listener(family: int, address: tuple[Any, ...]) -> socket.socket:
    # asyncio turns Nagle's algorithm off only where the protocol is named; with it a message waits 40 ms for the last.
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # Else "::" would take IPv4's port too, and clash with a listener of its own there.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(128)
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock


def _station_row(station: StationInfo, latest: Latest) -> dict[str, Any]:
    hop, status = latest.hop, latest.status
    state = status.state if status else "starting"
    on_air = hop is not None and state in {"music", "speech"}
    return {
        "id": station.id,
        "name": station.name,
        "source": station.source,
        "state": state,
        "title": status.title if status else None,
        "genre": hop.genre if hop and on_air else None,
        "probability": round(hop.probability, 4) if hop and on_air and hop.probability is not None else None,
        "band": hop.band if hop and on_air else None,
    }
