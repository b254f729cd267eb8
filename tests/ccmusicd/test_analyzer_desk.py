"""Pictures from a real analyzer child, between the hops of a station."""

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from ccmusic_stream.clip import clip_windows
from ccmusic_stream.geometry import HOP_LENGTH
from ccmusic_stream.geometry import SAMPLE_RATE as RATE
from ccmusic_stream.models.bundle import read_bundle
from ccmusic_stream.picture import picture
from ccmusic_stream.spectrogram import StreamingColumns, Transforms
from ccmusicd.analyzer import Analyzer
from ccmusicd.jobs import Answer, Job
from ccmusicd.requests import AwayError, RequestError

HOP_COLUMNS = 43
HOP = HOP_COLUMNS * HOP_LENGTH


class Playing:
    """A station whose next hop is due as soon as `play` is called."""

    id = "main"

    def __init__(self, samples: NDArray[np.float32]) -> None:
        self._hops = list(samples[: len(samples) // HOP * HOP].reshape(-1, HOP))
        self._wanted = 0
        self.given = 0
        self.heard = asyncio.Semaphore(0)
        self.analyzer: Analyzer | None = None

    def overdue_s(self) -> float:
        return 0.0 if self.given < self._wanted else -1.0

    def next_job(self) -> Job:
        self.given += 1
        return Job("main", self.given * HOP, self._hops[self.given - 1], reset=self.given == 1)

    def answered(self, _job: Job, _answer: Answer) -> None:
        self.heard.release()

    def analyzer_changed(self) -> None:
        pass

    def hop_changed(self) -> None:
        pass

    async def play(self, hops: int) -> None:
        assert self.analyzer is not None
        self._wanted += hops
        self.analyzer.wake()
        for _ in range(hops):
            await asyncio.wait_for(self.heard.acquire(), 90)


@pytest.fixture
async def station(light_bundle: Path, make_music: Callable[..., NDArray[np.float32]]) -> AsyncIterator[Playing]:
    station = Playing(make_music(12))
    ready = asyncio.Event()
    analyzer = Analyzer([light_bundle], device="cpu", hop_columns=HOP_COLUMNS, on_ready=lambda _: ready.set())
    station.analyzer = analyzer
    analyzer.add(station)
    task = asyncio.create_task(analyzer.run())
    await asyncio.wait_for(ready.wait(), 90)
    yield station
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def seen(samples: NDArray[np.float32], bundle: Path, model: str) -> NDArray[np.uint8]:
    """What the model sees of a station that has played these samples, computed here."""
    (spec,) = [spec for spec in read_bundle(bundle).models if spec.name == model]
    columns = StreamingColumns(Transforms(centre=False), torch.device("cpu"))
    for hop in samples.reshape(-1, HOP):
        columns.push(torch.from_numpy(hop[None]), [0])
    drawn = picture(spec.picture[0], columns.windows([0])[spec.picture[0]], spec.picture[1])
    return np.asarray(drawn[0].permute(1, 2, 0).numpy().squeeze())


async def test_a_picture_is_the_one_that_the_model_saw_on_the_newest_hop(
    station: Playing, light_bundle: Path, make_music: Callable[..., NDArray[np.float32]]
) -> None:
    analyzer = station.analyzer
    assert analyzer is not None
    with pytest.raises(RequestError, match="has seen nothing of main"):
        await analyzer.requests.ask({"op": "picture", "station": "main", "model": "mobilenet_v3_large_mel"})
    await station.play(11)
    for model in ("mobilenet_v3_large_cqt", "mobilenet_v3_large_mel"):
        head, file = await analyzer.requests.ask({"op": "picture", "station": "main", "model": model})
        assert head["op"] == "png"
        shown = np.asarray(Image.open(io.BytesIO(file)))
        assert shown.shape == (224, 224)
        expected = seen(make_music(12)[: 11 * HOP], light_bundle, model)
        assert np.abs(shown.astype(int) - expected).max() <= 1
    for station_id, model in (("main", "alexnet"), ("web", "mobilenet_v3_large_cqt")):
        with pytest.raises(RequestError, match=f"{model} has seen nothing of {station_id}"):
            await analyzer.requests.ask({"op": "picture", "station": station_id, "model": model})
    with pytest.raises(RequestError, match="unknown job"):
        await analyzer.requests.ask({"op": "dance"})
    assert analyzer.restarts == 0


async def test_a_spectrogram_has_axes_and_the_colours_of_the_sound(station: Playing) -> None:
    analyzer = station.analyzer
    assert analyzer is not None
    await station.play(11)
    for kind in ("cqt", "mel"):
        _, file = await analyzer.requests.ask({"op": "spectrogram", "station": "main", "kind": kind})
        image = np.asarray(Image.open(io.BytesIO(file)).convert("RGB"))
        assert image.shape[1] > 1_120
        assert len(np.unique(image.reshape(-1, 3), axis=0)) > 100


async def test_what_is_seen_of_a_clip_is_its_own_though_hops_come_between(
    station: Playing, light_bundle: Path, tmp_path: Path
) -> None:
    analyzer = station.analyzer
    assert analyzer is not None
    tone = (0.5 * np.sin(2 * np.pi * 1_046.5 * np.arange(10 * RATE) / RATE)).astype("<f4")
    (tmp_path / "pcm").write_bytes(tone.tobytes())
    with pytest.raises(RequestError, match="no clip on the desk was looked at"):
        await analyzer.requests.ask({"op": "clip_seen"})
    opened, _ = await analyzer.requests.ask({"op": "clip", "pcm": str(tmp_path / "pcm"), "which": "all"})
    assert opened["windows"] == 1
    while (await analyzer.requests.ask({"op": "clip_step"}))[0]["models"] is None:
        pass
    await station.play(11)
    head, payload = await analyzer.requests.ask({"op": "clip_seen"})
    cqt, mel = head["spectrograms"]
    cells = np.frombuffer(payload[: 431 * 84], np.uint8).reshape(431, 84)
    assert (cqt["kind"], cqt["bins"], cqt["columns"]) == ("cqt", 84, 431)
    assert {int(column.argmax()) for column in cells[20:-20]} == {60}  # C6, five octaves above C1
    place = 431 * (84 + 128)
    assert mel["bins"] == 128
    (spec,) = [spec for spec in read_bundle(light_bundle).models if spec.name == "mobilenet_v3_large_cqt"]
    window = clip_windows(tone, Transforms(centre=True), torch.device("cpu"))["cqt"]
    expected = picture("cqt", window, spec.profile)[0, 0].numpy()
    assert [each["models"] for each in head["pictures"]] == [["mobilenet_v3_large_cqt"], ["mobilenet_v3_large_mel"]]
    shown = np.asarray(Image.open(io.BytesIO(payload[place : place + head["pictures"][0]["size"]])))
    assert np.abs(shown.astype(int) - expected).max() <= 1
    await analyzer.requests.ask({"op": "clip_end"})
    with pytest.raises(RequestError, match="no clip on the desk"):
        await analyzer.requests.ask({"op": "clip_seen"})


async def test_hops_go_on_while_pictures_are_asked_for(station: Playing) -> None:
    analyzer = station.analyzer
    assert analyzer is not None
    await station.play(1)
    order = {"op": "picture", "station": "main", "model": "mobilenet_v3_large_cqt"}
    asked = [asyncio.create_task(analyzer.requests.ask(order)) for _ in range(8)]
    await station.play(9)
    assert station.given == 10
    assert all(head["op"] == "png" for head, _ in await asyncio.wait_for(asyncio.gather(*asked), 30))


async def test_who_asks_a_child_that_dies_hears_of_it(station: Playing) -> None:
    analyzer = station.analyzer
    assert analyzer is not None
    await station.play(1)
    assert analyzer.pid is not None
    os.kill(analyzer.pid, signal.SIGSTOP)
    order = {"op": "picture", "station": "main", "model": "mobilenet_v3_large_cqt"}
    asked = asyncio.create_task(analyzer.requests.ask(order))
    await asyncio.sleep(0)
    os.kill(analyzer.pid, signal.SIGKILL)
    with pytest.raises(AwayError, match="restarts"):
        await asyncio.wait_for(asked, 30)
    await station.play(1)  # the next child works
    assert (await analyzer.requests.ask(order))[0]["op"] == "png"
