"""Clips over HTTP: a body is written to a file as it comes, within bounds, and what is found in it is the answer."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, BinaryIO

from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from ccmusicd.clips import BusyError, RefusedClipError
from ccmusicd.publish.access import Access, refusal

AT_ONCE = 3
"""Uploads that come or wait, of which one is analysed."""

IDLE_S = 10.0
LONGEST_UPLOAD_S = 300.0

_WHICH = ("centre", "first", "all")
_MOST_NAME = 200
_CHUNK_BYTES = 256 * 1024
_RETRY_AFTER_S = "10"

Analyse = Callable[[Path, str, str], Awaitable[dict[str, Any]]]
"""Says what is in a file, by its name for people, of its clips "first", "centre" or "all".

Raises `RefusedClipError` when that will never be said, `BusyError` when it may be later."""


class _Refused(Exception):  # noqa: N818 - it is an answer
    def __init__(self, answer: Response) -> None:
        super().__init__()
        self.answer = answer


class _Gone(Exception):  # noqa: N818 - it is no error
    """The client hung up."""


class Upload:
    """The ASGI application of `POST /api/v1/clips`; the body is the file, of at most `most_bytes`.

    At most `at_once` come or wait; others are answered 503. One of which nothing comes for `idle_s` is given up.
    """

    def __init__(
        self, analyse: Analyse, *, access: Access, most_bytes: int, at_once: int = AT_ONCE, idle_s: float = IDLE_S
    ) -> None:
        self._analyse = analyse
        self._access = access
        self._most_bytes = most_bytes
        self._places = at_once
        self._idle_s = idle_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one upload."""
        try:
            name, which = self._check(Headers(scope=scope), QueryParams(scope["query_string"]))
        except _Refused as refused:
            await refused.answer(scope, receive, send)
            return
        self._places -= 1
        try:
            answer = await self._taken(receive, name, which)
        except _Refused as refused:
            answer = refused.answer
        except _Gone:
            return
        finally:
            self._places += 1
        await answer(scope, receive, send)

    def _check(self, headers: Headers, asked: QueryParams) -> tuple[str, str]:
        """The clip's name and which of its clips; what can be refused is refused before the body comes."""
        name, which = asked.get("name", "clip"), asked.get("clip", "centre")
        unknown = next((each for each in asked if each not in {"name", "clip"}), None)
        if not self._access.is_origin(headers):  # a stranger's page can post here, though it may not read the answer
            raise _Refused(refusal(403, f"origin {headers.get('origin', '')[:80]} is not allowed"))
        if unknown is not None or which not in _WHICH:
            known = f"clip ({', '.join(_WHICH)}) and name"
            raise _Refused(refusal(400, f"{unknown or which!r} is no parameter of this; there are {known}"))
        if len(name) > _MOST_NAME:
            raise _Refused(refusal(400, f"a name has at most {_MOST_NAME} characters"))
        if headers.get("content-type", "").startswith("multipart/"):
            raise _Refused(refusal(415, "the body must be the file itself, as by curl --data-binary @song.mp3"))
        length = headers.get("content-length", "")
        if length.isdigit() and int(length) > self._most_bytes:
            raise self._too_large()
        if self._places <= 0:
            raise _Refused(_later("others are having clips analysed; once more, please"))
        return name, which

    def _too_large(self) -> _Refused:
        return _Refused(refusal(413, f"the clip is larger than {self._most_bytes / 1e6:g} MB, the most that is taken"))

    async def _taken(self, receive: Receive, name: str, which: str) -> Response:
        try:
            with tempfile.TemporaryDirectory(prefix="ccmusic-upload-") as folder:
                file = Path(folder) / "clip"
                with file.open("wb") as target:
                    async with asyncio.timeout(LONGEST_UPLOAD_S):
                        await self._write(receive, target)
                return await self._found(receive, file, name, which)
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

    async def _found(self, receive: Receive, file: Path, name: str, which: str) -> Response:
        """The answer, unless the client hangs up before."""
        analysing = asyncio.ensure_future(self._analyse(file, name, which))
        gone = asyncio.create_task(_gone(receive))
        try:
            await asyncio.wait((analysing, gone), return_when=asyncio.FIRST_COMPLETED)
            if not analysing.done():
                raise _Gone
            return JSONResponse(analysing.result())
        except RefusedClipError as error:
            return refusal(422, f"the clip cannot be analysed: {error}")
        except BusyError as error:
            return _later(str(error))
        finally:
            for task in (analysing, gone):
                task.cancel()
            await asyncio.gather(analysing, gone, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _later(sentence: str) -> Response:
    return refusal(503, sentence, {"retry-after": _RETRY_AFTER_S})
