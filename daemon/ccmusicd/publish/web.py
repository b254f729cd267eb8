"""The web server: the viewer's files, the HTTP API and `/ws`, on one port."""

import asyncio
import logging
import mimetypes
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp
from starlette.websockets import WebSocket

from ccmusicd.hub import Hub
from ccmusicd.publish.access import Access, Guarded, client_address, is_loopback, too_many, unauthorized
from ccmusicd.publish.api import Api
from ccmusicd.publish.connection import HEAD_TIMEOUT_S, BoundedHttp, BoundedWebSocket, EmbeddedServer
from ccmusicd.publish.errors import PublishError
from ccmusicd.publish.guard import Guard
from ccmusicd.publish.limits import Limiter
from ccmusicd.publish.listening import listen, load_certificate, tls
from ccmusicd.publish.seen import Draw, Seen
from ccmusicd.publish.streaming import Excerpts, OpenExcerpt
from ccmusicd.publish.upload import Analyst, Upload
from ccmusicd.publish.websocket import MAX_COMMAND_BYTES, TOKEN_TIMEOUT_S, Pause, Session, admits
from ccmusicd.publish.wire import Wire

_log = logging.getLogger(__name__)

# Registered here because a browser runs a module only under a JavaScript type, and systems differ in what they know.
for _suffix in (".js", ".mjs"):
    mimetypes.add_type("text/javascript", _suffix)

_HTTP_CONNECTIONS_BESIDE_CLIENTS = 100
_STOP_TIMEOUT_S = 1
_PING_EVERY_S = 4.0
_PONG_WITHIN_S = 5.0
"""Who stops reading is noticed within both together, however much its own buffers still take."""
_MOST_AT_THE_DOOR = 32
"""Clients that may connect and have not shown their token yet; they take no place of those who have."""


class Web:
    """Serves HTTP and WebSocket on `host`:`port` (0: any free port) inside the running event loop.

    `viewer` is the folder with `index.html`. `ready` decides `/readyz`; `ailment` says why the daemon analyses
    nothing, which makes `/healthz` 503, and `health` adds what is degraded. `metrics` is the text of `/metrics`.
    `pause` is called with (station, True) to pause and (station, False) to resume; without it clients may not.
    `timeline` opens excerpts of the record for `/api/v1/timeline`, `past` a past in steps for `/api/v1/rolling`, `draw`
    has pictures of what the networks saw drawn, and `analyst` says what is in clips of at most `most_clip_bytes`;
    without them there are none.
    A client whose connection takes nothing for `send_timeout_s` is cut.

    `access` has the rules: with a token, all but the viewer's files, `/healthz` and `/readyz` asks for it, and a
    WebSocket that shows none has `token_timeout_s` for its first message; `limiter` says how often an address may ask.
    `root_path` ("/radio") is the subpath at which a proxy shows it all, `certificate` a certificate and its key as PEM
    files, for https and wss.
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
        timeline: OpenExcerpt | None = None,
        past: OpenExcerpt | None = None,
        draw: Draw | None = None,
        analyst: Analyst | None = None,
        most_clip_bytes: int = 64_000_000,
        access: Access | None = None,
        root_path: str = "",
        certificate: tuple[Path, Path] | None = None,
        limiter: Limiter | None = None,
        send_timeout_s: float = 10.0,
        head_timeout_s: float = HEAD_TIMEOUT_S,
        token_timeout_s: float = TOKEN_TIMEOUT_S,
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
        self._timeline = timeline
        self._past = past
        self._draw = draw
        self._analyst, self._most_clip_bytes = analyst, most_clip_bytes
        self._access = access or Access()
        self._root_path = root_path
        self._certificate = certificate
        self._tls: ssl.SSLContext | None = None
        self._limiter = Limiter() if limiter is None else limiter
        self._send_timeout_s = send_timeout_s
        self._head_timeout_s = head_timeout_s
        self._token_timeout_s = token_timeout_s
        self._wire = Wire(hub)
        self._sessions: set[Session] = set()
        self._at_the_door = 0
        self._server: EmbeddedServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._address: tuple[str, int] = (host, port)
        self._is_on_loopback = True

    @property
    def address(self) -> tuple[str, int]:
        """Host and port as bound; the real port when 0 was asked for."""
        return self._address

    @property
    def url(self) -> str:
        """Where a browser on this machine finds the viewer."""
        host, port = self._address
        shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host  # noqa: S104 - what was listened on, not a choice
        return f"http{'s' if self._certificate else ''}://{f'[{shown}]' if ':' in shown else shown}:{port}/"

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
        """Listen; `PublishError` when the address cannot be had or the certificate cannot be used."""
        context = self._tls = tls(*self._certificate) if self._certificate else None
        sockets = await listen(self._host, self._port)
        self._address = sockets[0].getsockname()[:2]
        self._is_on_loopback = all(is_loopback(sock.getsockname()[0]) for sock in sockets)
        self._access.listens(self._host, loopback=self._is_on_loopback)
        self.say_who_can_reach_it()
        self._server = EmbeddedServer(self._config(context))
        self._serving = asyncio.create_task(self._server.serve(sockets), name="web")
        up = asyncio.create_task(self._server.up.wait())
        await asyncio.wait((up, self._serving), return_when=asyncio.FIRST_COMPLETED)
        if self._serving.done():
            up.cancel()
            self._serving.result()
        _log.info("web: listening on %s port %d", *self._address)

    def change(self, *, max_clients: int) -> None:
        """Allow so many WebSocket clients from now on; who is connected stays. The certificate's files are read again.

        Raises:
            CertificateError: they cannot be used; the old certificate goes on to be shown.
        """
        self._max_clients = max_clients
        if self._server is not None:
            self._server.config.limit_concurrency = max_clients + _HTTP_CONNECTIONS_BESIDE_CLIENTS
        if self._tls is not None and self._certificate is not None:
            load_certificate(self._tls, *self._certificate)

    def say_who_can_reach_it(self) -> None:
        """Tell the log where its doors are open to everybody."""
        if not self._is_on_loopback and self._access.is_open:
            _log.warning(
                "web: other machines can reach %s, and need no token to see and pause every station: "
                "set [web] token_file, or listen on 127.0.0.1",
                self._host,
            )

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

    def _config(self, context: ssl.SSLContext | None) -> uvicorn.Config:
        timeout = self._head_timeout_s

        class Http(BoundedHttp):
            head_timeout_s = timeout

        return uvicorn.Config(
            self._application(),
            http=Http,
            ws=BoundedWebSocket,
            ws_max_size=MAX_COMMAND_BYTES,
            ws_ping_interval=_PING_EVERY_S,
            ws_ping_timeout=_PONG_WITHIN_S,
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
            ssl_context_factory=None if context is None else lambda _config, _default: context,
        )

    def _application(self) -> ASGIApp:
        guarded = [Middleware(Guarded, access=self._access, limiter=self._limiter)]
        timeline = Excerpts(self._timeline, send_timeout_s=self._send_timeout_s) if self._timeline else None
        more = Seen(self._hub, self._draw).routes() if self._draw else []
        if self._past:
            past = Excerpts(self._past, send_timeout_s=self._send_timeout_s)
            more.append(Route("/v1/rolling", past, methods=["GET"]))
        if self._analyst:
            clips = Upload(
                self._analyst,
                access=self._access,
                most_bytes=self._most_clip_bytes,
                send_timeout_s=self._send_timeout_s,
            )
            more.append(Route("/v1/clips", clips, methods=["POST"]))
        return Guard(
            Starlette(
                routes=[
                    Route("/healthz", self._healthz),
                    Route("/readyz", self._readyz),
                    Route("/metrics", self._metrics_text, middleware=guarded),
                    Mount("/api", app=Api(self._hub, timeline, more).application(), middleware=guarded),
                    WebSocketRoute("/ws", self._websocket),
                    Mount("/", app=StaticFiles(directory=self._viewer, html=True)),
                ]
            ),
            access=self._access,
            root_path=self._root_path,
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

    async def _websocket(self, websocket: WebSocket) -> None:
        refusal = self._refusal(websocket)
        if refusal is not None:
            self.clients_refused += 1
            await websocket.send_denial_response(refusal)
            return
        if self._must_show_token(websocket) and not await self._let_in(websocket):
            self.clients_refused += 1
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

    def _must_show_token(self, websocket: WebSocket) -> bool:
        """Whether its first message must be the token: a browser cannot put it into the handshake."""
        return self._access.asks(websocket) and "authorization" not in websocket.headers

    async def _let_in(self, websocket: WebSocket) -> bool:
        self._at_the_door += 1
        try:
            knows = await admits(websocket, self._access.knows_message, within_s=self._token_timeout_s)
        finally:
            self._at_the_door -= 1
        if knows and len(self._sessions) >= self._max_clients:
            await websocket.close(1013, self._full())
            return False
        return knows

    def _refusal(self, websocket: WebSocket) -> Response | None:
        """Why a client is turned away at its handshake."""
        headers, access = websocket.headers, self._access
        if not access.is_origin(headers):
            return Response(f"origin {headers.get('origin', '')[:80]} is not allowed", status_code=403)
        if access.asks(websocket):
            wait_s = self._limiter.wait_s(client_address(websocket))  # so that tokens are not guessed fast
            if wait_s > 0:
                return too_many(wait_s)
            if "authorization" in headers and not access.knows_header(headers):
                return unauthorized(headers)
        if len(self._sessions) >= self._max_clients:
            return Response(self._full(), status_code=503)
        if self._must_show_token(websocket) and self._at_the_door >= _MOST_AT_THE_DOOR:
            return Response("too many clients have not shown their token yet", status_code=503)
        return None

    def _full(self) -> str:
        return f"{self._max_clients} clients are connected, the most allowed"
