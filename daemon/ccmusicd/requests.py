"""What is asked of the analyzer's child beside the hops, and waits for its turn."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ccmusic_stream.errors import CcmusicError
from ccmusicd import frames

MOST_WAITING = 16


class RequestError(CcmusicError):
    """The child did not do what was asked of it; the text says why."""


class AwayError(RequestError):
    """There is no child, or it is asked too much already: later, perhaps."""


@dataclass(frozen=True, slots=True, eq=False)
class Request:
    """One frame for the child, and who waits for the answer. `patient`: it takes long, and lets hops go first."""

    frame: bytes
    patient: bool
    answer: "asyncio.Future[tuple[frames.Head, bytes]]"

    def settle(self, head: frames.Head, payload: bytes) -> None:
        """The child's answer; `failed` has the reason for which there is none."""
        if self.answer.done():
            return
        if head["op"] == "failed":
            self.answer.set_exception(RequestError(head["reason"]))
        else:
            self.answer.set_result((head, payload))


class Requests:
    """A queue of at most `MOST_WAITING`; closed while there is no child. `wake` is called when one more waits."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake = wake
        self._waiting: deque[Request] = deque()
        self._answered: Request | None = None
        self._is_open = False

    def __len__(self) -> int:
        return len(self._waiting)

    async def ask(self, head: Mapping[str, Any], *, patient: bool = False) -> tuple[frames.Head, bytes]:
        """The child's answer to a frame, between hops; a `patient` one only while no hop is due.

        Raises:
            AwayError: there is no child, it ends before it has answered, or too many wait already.
            RequestError: the child says that it cannot be done.
        """
        if not self._is_open:
            raise AwayError("the networks are being loaded")
        if len(self._waiting) >= MOST_WAITING:
            raise AwayError("others are asking already")
        request = Request(frames.encode(head), patient, asyncio.get_running_loop().create_future())
        self._waiting.append(request)
        self._wake()
        try:
            return await request.answer
        finally:
            if request in self._waiting:  # whoever asked has gone
                self._waiting.remove(request)

    def next(self, *, hop_is_due: bool) -> Request | None:
        """The first that may be done now."""
        for request in self._waiting:
            if not (request.patient and hop_is_due):
                self._waiting.remove(request)
                self._answered = request
                return request
        return None

    def open(self) -> None:
        """There is a child."""
        self._is_open = True

    def close(self) -> None:
        """There is no child any more: who waits hears of it."""
        self._is_open = False
        for request in (*self._waiting, *filter(None, [self._answered])):
            if not request.answer.done():
                request.answer.set_exception(AwayError("the analyzer restarts"))
        self._waiting.clear()
        self._answered = None
