"""Excerpts of the record over HTTP: read in a thread only as fast as the client takes them, a few at a time."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Protocol

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ccmusicd.export.errors import ExportError
from ccmusicd.publish.connection import BoundedHttp
from ccmusicd.publish.errors import BusyRecordError, RecordError

_log = logging.getLogger(__name__)

AT_ONCE = 2
LONGEST_S = 300.0
"""How long one excerpt may take: it holds a snapshot of the record, whose log cannot be folded meanwhile."""

_CHUNK_BYTES = 64 * 1024
_RETRY_AFTER_S = 5
# The report has its style in itself, and its own policy; nothing else here is a page.
_PAGE_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)


class Excerpt(Protocol):
    """A text that is read as its lines are taken; `name` is a file name for it, of plain ASCII."""

    @property
    def media_type(self) -> str:
        """For the header content-type."""

    @property
    def name(self) -> str:
        """For who saves it."""

    @property
    def lines(self) -> Iterator[str]:
        """With their ends; may raise `RecordError`."""


OpenExcerpt = Callable[[Mapping[str, str]], AbstractContextManager[Excerpt]]
"""What the parameters of an address ask for: called on the event loop; entered, read and left in one thread.

Entering raises `ExportError` when they make no sense, `RecordError` when the record cannot be read, the latter also
while lines are taken."""


class Excerpts:
    """The ASGI application of `/api/v1/timeline`, and of `/api/v1/rolling`.

    At most `at_once` excerpts are read at a time; who comes then is answered 503. A client whose connection takes
    nothing for `send_timeout_s` is cut, as is an answer that takes longer than `longest_s`, and one during which the
    record fails: its end is then missing, which tells the client that it is not whole.
    """

    def __init__(
        self, open_excerpt: OpenExcerpt, *, send_timeout_s: float, at_once: int = AT_ONCE, longest_s: float = LONGEST_S
    ) -> None:
        self._open = open_excerpt
        self._send_timeout_s = send_timeout_s
        self._longest_s = longest_s
        # Given back by the thread itself: one that still reads for a client that has gone counts until it is done.
        self._places = threading.BoundedSemaphore(at_once)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope)
        asked = dict(request.query_params)
        if len(asked) < len(request.query_params.multi_items()):
            await _refusal(400, "a parameter is given twice")(scope, receive, send)
        elif not self._places.acquire(blocking=False):
            await _later("others are reading the timeline; once more, please")(scope, receive, send)
        else:
            reading = _Reading(self._open(asked), self._places.release)
            try:
                await self._answer(reading, scope, receive, send)
            finally:
                reading.close()

    async def _answer(self, reading: "_Reading", scope: Scope, receive: Receive, send: Send) -> None:
        try:
            excerpt, chunk = await reading.begin()
        except ExportError as error:
            await _refusal(400, str(error))(scope, receive, send)
            return
        except RecordError as error:
            _log.log(logging.INFO if isinstance(error, BusyRecordError) else logging.WARNING, "web: %s", error)
            await _later("the timeline cannot be read now")(scope, receive, send)  # the log says which file, and why
            return
        gone = asyncio.create_task(_gone(receive))
        connection: BoundedHttp = scope["state"]["connection"]
        try:
            async with asyncio.timeout(self._longest_s):
                await send({"type": "http.response.start", "status": 200, "headers": _headers(excerpt)})
                while chunk and not gone.done() and scope["method"] != "HEAD":
                    async with asyncio.timeout(self._send_timeout_s):
                        await send({"type": "http.response.body", "body": chunk, "more_body": True})
                    chunk = await reading.chunk()
                await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            connection.cut()
        except RecordError as error:
            _log.warning("web: an answer was cut: %s", error)
            connection.cut()
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)


class _Reading:
    """One excerpt and the thread in which it is opened, read and closed; `ended` is called in it at the very end."""

    def __init__(self, opening: AbstractContextManager[Excerpt], ended: Callable[[], None]) -> None:
        self._opening = opening
        self._lines: Iterator[str] = iter(())
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="excerpt")
        self._stack = contextlib.ExitStack()
        self._stack.callback(ended)

    async def begin(self) -> tuple[Excerpt, bytes]:
        """The excerpt and its first chunk: what is wrong is best known before an answer has begun."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._begin)

    async def chunk(self) -> bytes:
        """The next lines as UTF-8; nothing at the end."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._take)

    def close(self) -> None:
        """Let go of the record, as soon as the thread has done what it is about; does not wait."""
        self._thread.submit(self._stack.close)
        self._thread.shutdown(wait=False)

    def _begin(self) -> tuple[Excerpt, bytes]:
        excerpt = self._stack.enter_context(self._opening)
        self._lines = excerpt.lines
        return excerpt, self._take()

    def _take(self) -> bytes:
        parts, size = [], 0
        for line in self._lines:
            # Half a pair of surrogates in a title, which UTF-8 cannot hold, must not stop a day's export.
            parts.append(line.encode("utf-8", "backslashreplace"))
            size += len(parts[-1])
            if size >= _CHUNK_BYTES:
                break
        return b"".join(parts)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _headers(excerpt: Excerpt) -> list[tuple[bytes, bytes]]:
    page = excerpt.media_type.startswith("text/html")
    shown = page or excerpt.media_type.startswith("application/json")
    plain = {
        "content-type": excerpt.media_type,
        "content-disposition": f'{"inline" if shown else "attachment"}; filename="{excerpt.name}"',
        **({"content-security-policy": _PAGE_POLICY} if page else {}),
    }
    return [(name.encode(), value.encode()) for name, value in plain.items()]


def _refusal(status: int, sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status_code=status)


def _later(sentence: str) -> Response:
    return JSONResponse({"error": sentence}, status_code=503, headers={"retry-after": str(_RETRY_AFTER_S)})
