"""Clips over HTTP: a body is written to a file as it comes, within bounds, and what is found in it is the answer.

The answer is one object, or, piece by piece as it is found, a line for each.
"""

import asyncio
import json
import tempfile
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol

from starlette.datastructures import Headers, QueryParams
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ccmusicd.clips import BusyError, RefusedClipError
from ccmusicd.publish.access import Access, refusal
from ccmusicd.publish.connection import BoundedHttp

AT_ONCE = 3
"""Uploads that come or wait, of which one is analysed."""

IDLE_S = 10.0
LONGEST_UPLOAD_S = 300.0

_CHOICES = {"clip": ("centre", "first", "all"), "format": ("json", "jsonl"), "pictures": ("no", "yes")}
"""The parameters beside `name`; the first is what holds without it."""

_MOST_NAME = 200
_CHUNK_BYTES = 256 * 1024
_RETRY_AFTER_S = "10"


class Analyst(Protocol):
    """Says what is in a file, by its name for people, of its clips "first", "centre" or "all".

    Raises `RefusedClipError` when that will never be said, `BusyError` when it may be later.
    """

    async def analyse(self, file: Path, name: str, which: str) -> dict[str, Any]:
        """All of it."""

    def parts(self, file: Path, name: str, which: str, *, pictures: bool) -> AsyncGenerator[dict[str, Any]]:
        """Piece by piece; closing it ends the work."""


class _Wanted(NamedTuple):
    name: str
    which: str
    by_line: bool
    pictures: bool


class _Refused(Exception):  # noqa: N818 - it is an answer
    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.answer = answer


class _Gone(Exception):  # noqa: N818 - it is no error
    """The client hung up."""


class Upload:
    """The ASGI application of `POST /api/v1/clips`; the body is the file, of at most `most_bytes`.

    At most `at_once` come or wait; others are answered 503. One of which nothing comes for `idle_s` is given up, as is
    a client that takes nothing of its lines for `send_timeout_s`.
    """

    def __init__(
        self,
        analyst: Analyst,
        *,
        access: Access,
        most_bytes: int,
        at_once: int = AT_ONCE,
        idle_s: float = IDLE_S,
        send_timeout_s: float = 10.0,
    ) -> None:
        self._analyst = analyst
        self._access = access
        self._most_bytes = most_bytes
        self._places = at_once
        self._idle_s = idle_s
        self._send_timeout_s = send_timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one upload."""
        try:
            wanted = self._check(Headers(scope=scope), QueryParams(scope["query_string"]))
        except _Refused as refused:
            await refused.answer(scope, receive, send)
            return
        self._places -= 1
        try:
            await self._take(wanted, scope, receive, send)
        except _Refused as refused:
            await refused.answer(scope, receive, send)
        except _Gone:
            pass
        finally:
            self._places += 1

    def _check(self, headers: Headers, asked: QueryParams) -> _Wanted:
        """What is wanted; what can be refused is refused before the body comes."""
        name = asked.get("name", "clip")
        chosen = {key: asked.get(key, choices[0]) for key, choices in _CHOICES.items()}
        unknown = next((key for key in asked if key not in {"name", *_CHOICES}), None)
        strange = next((chosen[key] for key, choices in _CHOICES.items() if chosen[key] not in choices), None)
        if not self._access.is_origin(headers):  # a stranger's page can post here, though it may not read the answer
            raise _Refused(refusal(403, f"origin {headers.get('origin', '')[:80]} is not allowed"))
        if (odd := unknown or strange) is not None:
            known = ", ".join(f"{key} ({', '.join(choices)})" for key, choices in _CHOICES.items())
            raise _Refused(refusal(400, f"{odd[:80]!r} is no parameter of this; there are name, {known}"))
        if chosen["pictures"] == "yes" and chosen["format"] != "jsonl":
            raise _Refused(refusal(400, "pictures come with format=jsonl: all at once they would be too large"))
        if len(name) > _MOST_NAME:
            raise _Refused(refusal(400, f"a name has at most {_MOST_NAME} characters"))
        if headers.get("content-type", "").startswith("multipart/"):
            raise _Refused(refusal(415, "the body must be the file itself, as by curl --data-binary @song.mp3"))
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._most_bytes:
            raise self._too_large()
        if self._places <= 0:
            raise _Refused(_later("others are having clips analysed; once more, please"))
        return _Wanted(name, chosen["clip"], chosen["format"] == "jsonl", chosen["pictures"] == "yes")

    def _too_large(self) -> _Refused:
        return _Refused(refusal(413, f"the clip is larger than {self._most_bytes / 1e6:g} MB, the most that is taken"))

    async def _take(self, wanted: _Wanted, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with tempfile.TemporaryDirectory(prefix="ccmusic-upload-") as folder:
                file = Path(folder) / "clip"
                with file.open("wb") as target:
                    async with asyncio.timeout(LONGEST_UPLOAD_S):
                        await self._write(receive, target)
                # Closed before its file goes, whether the client has or the work is done.
                parts = self._by_line(file, wanted) if wanted.by_line else self._whole(file, wanted)
                async with aclosing(parts):
                    await self._tell(parts, wanted, scope, receive, send)
        except TimeoutError:
            raise _Refused(refusal(408, "the clip came too slowly")) from None
        except OSError as error:
            raise _Refused(_later(f"there is no room for the clip: {error.strerror}")) from None

    async def _write(self, receive: Receive, target: BinaryIO) -> None:
        size, waiting = 0, bytearray()
        more = True
        while more:
            async with asyncio.timeout(self._idle_s):
                message = await receive()
            if message["type"] == "http.disconnect":
                raise _Gone
            chunk: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            size += len(chunk)
            if size > self._most_bytes:
                raise self._too_large()
            waiting += chunk
            if waiting and (len(waiting) >= _CHUNK_BYTES or not more):
                await asyncio.to_thread(target.write, bytes(waiting))
                waiting.clear()
        if size == 0:
            raise _Refused(refusal(422, "the clip is empty: the body must be the file itself"))

    async def _whole(self, file: Path, wanted: _Wanted) -> AsyncGenerator[bytes]:
        yield _encoded(await self._analyst.analyse(file, wanted.name, wanted.which))

    async def _by_line(self, file: Path, wanted: _Wanted) -> AsyncGenerator[bytes]:
        parts = self._analyst.parts(file, wanted.name, wanted.which, pictures=wanted.pictures)
        async with aclosing(parts):
            begun = False
            try:
                async for part in parts:
                    yield _encoded(part) + b"\n"
                    begun = True
            except (RefusedClipError, BusyError) as error:
                if not begun:
                    raise
                yield _encoded({"type": "failed", "error": str(error)}) + b"\n"

    async def _tell(
        self, parts: AsyncGenerator[bytes], wanted: _Wanted, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """The answer, unless the client hangs up before; what is wrong before its first piece is the answer."""
        gone = asyncio.create_task(_gone(receive))
        try:
            first = await self._next(parts, gone)
            headers = [(b"content-type", b"application/jsonl" if wanted.by_line else b"application/json")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            piece: bytes | None = first
            while piece is not None:
                async with asyncio.timeout(self._send_timeout_s):
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
                piece = await self._next(parts, gone)
            await send({"type": "http.response.body", "body": b""})
        except RefusedClipError as error:
            raise _Refused(refusal(422, f"the clip cannot be analysed: {error}")) from None
        except BusyError as error:
            raise _Refused(_later(str(error))) from None
        except TimeoutError:
            connection: BoundedHttp = scope["state"]["connection"]
            connection.cut()
        finally:
            gone.cancel()
            await asyncio.gather(gone, return_exceptions=True)

    async def _next(self, parts: AsyncGenerator[bytes], gone: "asyncio.Task[None]") -> bytes | None:
        """The next piece; None at the end."""
        piece = asyncio.ensure_future(anext(parts, None))
        try:
            await asyncio.wait((piece, gone), return_when=asyncio.FIRST_COMPLETED)
            if not piece.done():
                raise _Gone
            return piece.result()
        finally:
            piece.cancel()
            await asyncio.gather(piece, return_exceptions=True)


def _encoded(part: dict[str, Any]) -> bytes:
    return json.dumps(part, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace")


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _later(sentence: str) -> Response:
    return refusal(503, sentence, {"retry-after": _RETRY_AFTER_S})
