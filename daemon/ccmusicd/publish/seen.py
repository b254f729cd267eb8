"""What the networks saw, as PNG: the analyzer draws it once for each hop, however many ask."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ccmusicd.events import SPECTROGRAMS, HopEvent
from ccmusicd.hub import Hub
from ccmusicd.publish.access import refusal
from ccmusicd.requests import AwayError, RequestError

Draw = Callable[[Mapping[str, Any]], Awaitable[bytes]]
"""Asks the analyzer for a PNG: `picture {station, model}` or `spectrogram {station, kind}`. Raises `RequestError`."""

_RETRY_AFTER_S = "2"
_LONGEST_S = 20.0


class Seen:
    """Answers below `/api/v1/stations/ID`; keeps the newest of each picture, and asks for one at a time."""

    def __init__(self, hub: Hub, draw: Draw) -> None:
        self._hub = hub
        self._draw = draw
        self._kept: dict[tuple[str, str, str], tuple[int, bytes]] = {}
        self._asking = asyncio.Lock()

    def routes(self) -> list[BaseRoute]:
        """Relative to `/api`."""
        return [
            Route("/v1/stations/{station}/picture/{model}.png", self._picture),
            Route("/v1/stations/{station}/spectrogram/{kind}.png", self._spectrogram),
        ]

    async def _picture(self, request: Request) -> Response:
        station, model = request.path_params["station"], request.path_params["model"]
        known = {each.name: each for each in self._hub.about.models}
        if station in self._hub.latest and model not in known:
            return refusal(404, f"unknown model {model[:80]!r}; known are {', '.join(known)}")
        if station in self._hub.latest and known[model].error is not None:
            return refusal(503, f"{model} does not vote: {known[model].error}")
        return await self._answer(request, station, {"op": "picture", "station": station, "model": model}, model)

    async def _spectrogram(self, request: Request) -> Response:
        station, kind = request.path_params["station"], request.path_params["kind"]
        if kind not in SPECTROGRAMS:
            return refusal(404, f"unknown spectrogram {kind[:80]!r}; known are {', '.join(SPECTROGRAMS)}")
        return await self._answer(request, station, {"op": "spectrogram", "station": station, "kind": kind}, kind)

    async def _answer(self, request: Request, station: str, order: Mapping[str, Any], what: str) -> Response:
        if station not in self._hub.latest:
            return refusal(404, f"unknown station {station[:80]!r}; known are {', '.join(self._hub.latest)}")
        try:
            async with asyncio.timeout(_LONGEST_S):
                found = await self._newest((station, str(order["op"]), what), order)
        except (TimeoutError, AwayError) as error:
            return _later(str(error) or "the analyzer is busy")
        except RequestError as error:
            return refusal(503, f"there is no such picture now: {error}")
        if found is None:
            return _later(f"the networks hear nothing of {station} now")
        seq, png = found
        headers = {"etag": f'"{seq}"', "x-hop-seq": str(seq)}
        if request.headers.get("if-none-match") == headers["etag"]:
            return Response(status_code=304, headers=headers)
        return Response(png, media_type="image/png", headers=headers)

    async def _newest(self, key: tuple[str, str, str], order: Mapping[str, Any]) -> tuple[int, bytes] | None:
        """The picture and the hop that it is of; None while there is no hop."""
        async with self._asking:  # who waits meanwhile finds the picture kept
            if (hop := self._hop(key[0])) is None:
                return None
            kept = self._kept.get(key)
            if kept is None or kept[0] != hop.seq:
                png = await self._draw(order)
                hop = self._hop(key[0]) or hop  # the newest that the analyzer has seen by now
                kept = self._kept[key] = (hop.seq, png)
            return kept

    def _hop(self, station: str) -> HopEvent | None:
        """The newest hop; None also of a station that was removed meanwhile."""
        latest = self._hub.latest.get(station)
        return None if latest is None else latest.hop


def _later(sentence: str) -> Response:
    return refusal(503, sentence, {"retry-after": _RETRY_AFTER_S})
