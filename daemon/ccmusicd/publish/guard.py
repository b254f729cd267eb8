"""What stands before every request: the proxy's subpath, long addresses, strange hosts, and headers of safety."""

from http import HTTPStatus
from typing import ClassVar

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from ccmusicd.publish.access import Access, refusal
from ccmusicd.publish.connection import MAX_URI_BYTES

_SAFETY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    # The browser keeps a copy and asks each time whether it still holds (ETag): no stale viewer after an update.
    "cache-control": "no-cache",
}
_POLICY = (
    "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob:; object-src 'none'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors "
)
_FRAMED_BY_ALL = "/widget.html"
"""The station's own page, wherever it is, may show this in a frame: it has nothing to click that would do anything."""


class Guard:
    """The server's application behind what holds for all of it.

    With `root_path` ("/radio") it answers below that as well as below "/", since some proxies take the subpath off the
    address and others do not. Every answer carries headers of safety, and a policy unless it has its own.
    """

    _too_long: ClassVar[Response] = Response(f"the address is longer than {MAX_URI_BYTES} bytes", status_code=414)

    def __init__(self, app: ASGIApp, *, access: Access, root_path: str = "") -> None:
        self._app, self._access, self._root_path = app, access, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or WebSocket, or refuse it."""
        inner = self._below_root(scope)
        strange = self._refusal(Headers(scope=scope))
        if scope["type"] == "websocket":
            if strange is not None:
                await WebSocket(scope, receive, send).send_denial_response(strange)
            else:
                await self._app(inner, receive, send)
            return

        framed = inner["path"] == _FRAMED_BY_ALL

        async def send_safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(_SAFETY)
                headers.setdefault("content-security-policy", _POLICY + ("*" if framed else "'self'"))
            await send(message)

        long = len(scope["raw_path"]) + len(scope["query_string"]) > MAX_URI_BYTES
        answer: ASGIApp = self._app
        if long:
            answer = self._too_long
        elif strange is not None:
            answer = strange
        elif self._root_path and scope["path"] == self._root_path:
            # The viewer's addresses are relative: they need the slash at the end of the page's own.
            answer = RedirectResponse(f"{self._root_path}/")
        elif "\0" in scope["path"]:  # no file system takes it; starlette would raise
            answer = nothing_here
        await answer(inner, receive, send_safely)

    def _refusal(self, headers: Headers) -> Response | None:
        if self._access.is_host(headers):
            return None
        sentence = (
            f"{headers.get('host', '')[:80]!r} is no name of this daemon; [web] allowed_hosts has those it answers to"
        )
        return refusal(HTTPStatus.MISDIRECTED_REQUEST, sentence)

    def _below_root(self, scope: Scope) -> Scope:
        root = self._root_path
        if not root or not scope["path"].startswith(f"{root}/"):
            return scope
        raw: bytes = scope["raw_path"]
        return {**scope, "path": scope["path"][len(root) :], "raw_path": raw.removeprefix(root.encode())}


async def nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    """The application of addresses that lead nowhere."""
    await JSONResponse({"error": "there is nothing here"}, status_code=404)(scope, receive, send)
