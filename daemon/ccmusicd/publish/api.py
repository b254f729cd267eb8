"""The HTTP API, version 1: what the hub knows of the stations, and excerpts of the record."""

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp

from ccmusicd import __version__
from ccmusicd.events import WIRE_VERSION
from ccmusicd.hub import Hub, Latest, StationInfo
from ccmusicd.publish.guard import nothing_here


class Api:
    """Answers below `/api`.

    `timeline` is the application of the record's excerpts, where there is a record, and `more` are further routes.
    """

    def __init__(self, hub: Hub, timeline: ASGIApp | None, more: Iterable[BaseRoute] = ()) -> None:
        self._hub = hub
        self._timeline = timeline
        self._more = more

    def application(self) -> ASGIApp:
        """What to mount at `/api`."""
        routes: list[BaseRoute] = [
            Route("/v1/stations", self._stations),
            Route("/v1/now", self._now),
            *self._more,
        ]
        if self._timeline is not None:
            routes.append(Route("/v1/timeline", self._timeline, methods=["GET"]))
        return Router(routes, redirect_slashes=False, default=nothing_here)

    async def _stations(self, _request: Request) -> Response:
        about = self._hub.about
        return self._answer({"stations": [_row(station, self._hub.latest[station.id]) for station in about.stations]})

    async def _now(self, request: Request) -> Response:
        station = request.query_params.get("station")
        if station is None:
            return self._answer({"stations": self._hub.now()})
        if station not in self._hub.latest:
            known = ", ".join(self._hub.latest)
            return JSONResponse({"error": f"unknown station {station[:80]!r}; known are {known}"}, status_code=404)
        return self._answer({"stations": {station: self._hub.latest[station].to_wire()}})

    def _answer(self, body: dict[str, Any]) -> Response:
        about = self._hub.about
        return JSONResponse({"version": WIRE_VERSION, "software": __version__, "trained": about.trained, **body})


def _row(station: StationInfo, latest: Latest) -> dict[str, Any]:
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
