"""Pictures of what the networks saw, over HTTP: asked for once a hop, refused in words."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from ccmusicd.events import HopEvent
from ccmusicd.hub import Hub
from ccmusicd.publish.access import Access
from ccmusicd.publish.web import Web
from ccmusicd.requests import AwayError, RequestError

PICTURE = "/api/v1/stations/main/picture/vgg19_bn_cqt.png"
SPECTROGRAM = "/api/v1/stations/main/spectrogram/mel.png"


class Painter:
    """Draws a new picture each time, or fails as it is told."""

    def __init__(self) -> None:
        self.orders: list[Mapping[str, Any]] = []
        self.fault: Exception | None = None

    async def __call__(self, order: Mapping[str, Any]) -> bytes:
        self.orders.append(order)
        await asyncio.sleep(0.02)
        if self.fault is not None:
            raise self.fault
        return b"picture %d" % len(self.orders)


@pytest.fixture
def painter() -> Painter:
    return Painter()


@asynccontextmanager
async def serving(hub: Hub, folder: Path, painter: Painter, **options: Any) -> AsyncIterator[httpx.AsyncClient]:
    (folder / "index.html").write_text("")
    web = Web(hub, host="127.0.0.1", port=0, viewer=folder, ready=lambda: True, draw=painter, **options)
    await web.start()
    try:
        async with httpx.AsyncClient(base_url=web.url, trust_env=False) as client:
            yield client
    finally:
        await web.stop()


async def test_each_picture_is_drawn_once_for_a_hop(
    hub: Hub, tmp_path: Path, painter: Painter, make_hop: Callable[..., HopEvent]
) -> None:
    async with serving(hub, tmp_path, painter) as client:
        hub.publish(make_hop(seq=7))
        answers = await asyncio.gather(*(client.get(path) for path in (PICTURE, PICTURE, SPECTROGRAM, PICTURE)))
        assert [answer.headers["content-type"] for answer in answers] == ["image/png"] * 4
        assert {answer.headers["x-hop-seq"] for answer in answers} == {"7"}
        assert len({answers[place].content for place in (0, 1, 3)}) == 1
        assert [order["op"] for order in painter.orders] == ["picture", "spectrogram"]
        tag = {"if-none-match": answers[0].headers["etag"]}
        assert (await client.get(PICTURE, headers=tag)).status_code == 304
        hub.publish(make_hop(seq=8))
        newer = await client.get(PICTURE, headers=tag)
        assert (newer.status_code, newer.content) == (200, b"picture 3")
    assert painter.orders[0] == {"op": "picture", "station": "main", "model": "vgg19_bn_cqt"}


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/api/v1/stations/nowhere/picture/vgg19_bn_cqt.png", "unknown station 'nowhere'; known are main, web"),
        ("/api/v1/stations/main/picture/alexnet.png", "unknown model 'alexnet'; known are vgg19_bn_cqt"),
        ("/api/v1/stations/main/spectrogram/wavelet.png", "unknown spectrogram 'wavelet'; known are cqt, mel"),
        ("/api/v1/stations/main/picture/", "nothing here"),
    ],
)
async def test_what_there_is_not_is_404(hub: Hub, tmp_path: Path, painter: Painter, path: str, says: str) -> None:
    async with serving(hub, tmp_path, painter) as client:
        answer = await client.get(path)
    assert answer.status_code == 404
    assert says in answer.json()["error"]
    assert painter.orders == []


async def test_while_there_is_none_it_is_503(
    hub: Hub, tmp_path: Path, painter: Painter, make_hop: Callable[..., HopEvent]
) -> None:
    async with serving(hub, tmp_path, painter) as client:
        answer = await client.get(PICTURE)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
        hub.publish(make_hop())
        for fault, says in ((AwayError("the analyzer restarts"), "restarts"), (RequestError("no paint"), "no paint")):
            painter.fault = fault
            answer = await client.get(PICTURE)
            assert answer.status_code == 503
            assert says in answer.json()["error"]
        painter.fault = None
        assert (await client.get(PICTURE)).status_code == 200
        models = (replace(hub.about.models[0], error="gave NaN"), *hub.about.models[1:])
        hub.learn(models=models)
        answer = await client.get(PICTURE)
        assert (answer.status_code, answer.json()["error"]) == (503, "vgg19_bn_cqt does not vote: gave NaN")


async def test_pictures_want_the_token(
    hub: Hub, tmp_path: Path, painter: Painter, make_hop: Callable[..., HopEvent]
) -> None:
    secret = "long-enough-to-be-one"  # noqa: S105
    async with serving(hub, tmp_path, painter, access=Access(token=secret, token_for_all=True)) as client:
        hub.publish(make_hop())
        assert (await client.get(PICTURE)).status_code == 401
        assert (await client.get(PICTURE, headers={"authorization": f"Bearer {secret}"})).status_code == 200
