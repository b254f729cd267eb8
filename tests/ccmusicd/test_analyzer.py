"""The analyzer child for real: fed, killed, hung, refused."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from numpy.typing import NDArray

from ccmusic_stream.geometry import BINS, HOP_LENGTH, WINDOW_COLUMNS
from ccmusicd import frames
from ccmusicd.analyzer import (
    REPICK_AFTER,
    STARTUP_TIMEOUT_S,
    Analyzer,
    AnalyzerError,
    _child_main,
    pick_hop_columns,
)
from ccmusicd.jobs import Answer, Job, Order

HOP_COLUMNS = 43


class Feed:
    """Gives the same hop over and over while it is `hungry`."""

    id = "main"

    def __init__(self, samples: NDArray[np.float32]) -> None:
        self.samples = samples
        self.hungry = True
        self.answers: asyncio.Queue[tuple[Job, Answer]] = asyncio.Queue()
        self.states: list[str] = []
        self.analyzer: Analyzer | None = None
        self.known = False

    def overdue_s(self) -> float:
        return 1.0 if self.hungry else -1.0

    def next_job(self) -> Job:
        job = Job("main", len(self.samples), self.samples, reset=not self.known)
        self.known = True
        return job

    def answered(self, job: Job, answer: Answer) -> None:
        self.answers.put_nowait((job, answer))

    def analyzer_changed(self) -> None:
        assert self.analyzer is not None
        self.known = False
        self.states.append(self.analyzer.state)

    def hop_changed(self) -> None:
        assert self.analyzer is not None
        self.known = False
        self.states.append(f"hop of {self.analyzer.hop_columns}")

    async def next_answer(self) -> Answer:
        return (await asyncio.wait_for(self.answers.get(), 90))[1]


@contextlib.asynccontextmanager
async def running(bundle: Path, feed: Feed, hop_columns: int | None = HOP_COLUMNS) -> AsyncIterator[Analyzer]:
    analyzer = Analyzer([bundle], device="cpu", hop_columns=hop_columns, on_ready=lambda _: None)
    feed.analyzer = analyzer
    analyzer.add(feed)
    task = asyncio.create_task(analyzer.run())
    try:
        yield analyzer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def feed(make_music: Callable[..., NDArray[np.float32]]) -> Feed:
    return Feed(make_music(2)[: HOP_COLUMNS * HOP_LENGTH])


# Seen to fail without: the look at the CPU time of a child that does not answer.
async def test_child_answers_then_is_killed_and_hung_and_each_time_another_answers(
    light_bundle: Path, feed: Feed
) -> None:
    async with running(light_bundle, feed) as analyzer:
        answer = await feed.next_answer()
        assert set(answer.models) == {"mobilenet_v3_large_cqt", "mobilenet_v3_large_mel"}
        for model in answer.models.values():
            assert model.error is None
            assert model.probabilities is not None
            assert model.probabilities.sum() == pytest.approx(1.0, abs=1e-5)
        assert len(answer.columns) == HOP_COLUMNS * sum(BINS.values())
        for fault in (signal.SIGKILL, signal.SIGSTOP):
            lost = analyzer.pid
            assert lost is not None
            os.kill(lost, fault)
            while analyzer.pid in {lost, None} or analyzer.state != "running":
                await feed.next_answer()
            with pytest.raises(ProcessLookupError):
                os.kill(lost, 0)
        assert analyzer.restarts == 2
        assert feed.states == ["running", "restarting", "running", "restarting", "running"]


async def test_hop_is_picked_by_measurement(light_bundle: Path, feed: Feed) -> None:
    async with running(light_bundle, feed, hop_columns=None) as analyzer:
        await feed.next_answer()
        assert analyzer.hop_s > 0
        assert analyzer.hop_columns == pick_hop_columns(analyzer.hop_s, 1)


def test_hop_follows_the_machine_but_not_its_noise(feed: Feed) -> None:
    analyzer = Analyzer([Path("nowhere")], hop_columns=None, on_ready=lambda _: None)
    feed.analyzer = analyzer
    analyzer.add(feed)
    analyzer.hop_columns = pick_hop_columns(1.0, 1)
    assert not any(analyzer._repick(1.0 + 0.05 * (-1) ** k) for k in range(5 * REPICK_AFTER))
    assert [analyzer._repick(0.3) for _ in range(REPICK_AFTER)].count(True) == 1
    assert analyzer.hop_columns == 43
    assert not any(analyzer._repick(5.0) for _ in range(REPICK_AFTER // 3))
    assert not any(analyzer._repick(0.3) for _ in range(REPICK_AFTER - REPICK_AFTER // 3))
    assert any(analyzer._repick(2.0) for _ in range(REPICK_AFTER))
    assert analyzer.hop_columns == pick_hop_columns(2.0, 1)
    assert feed.states == ["hop of 43", "hop of 130"]


async def test_bundle_without_a_usable_model_ends_the_analyzer_with_the_reason(tmp_path: Path, feed: Feed) -> None:
    (tmp_path / "bundle.toml").write_text(
        'name = "broken"\nlabels = [{slug="a",en="A",zh="A"},{slug="b",en="B",zh="B"}]\n[[models]]\n'
        'name = "resnet50_mel"\nbackbone = "resnet50"\nspectrogram = "mel"\nhead = "gap"\nprofile = "seed"\n'
        f'file = "gone.safetensors"\nsha256 = "{"0" * 64}"\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\n',
        encoding="utf-8",
    )
    analyzer = Analyzer([tmp_path], device="cpu", on_ready=lambda _: None)
    feed.analyzer = analyzer
    analyzer.add(feed)
    with pytest.raises(AnalyzerError, match=r"gone\.safetensors"):
        await asyncio.wait_for(analyzer.run(), 90)


@pytest.mark.parametrize(
    ("hop_s", "stations", "columns"),
    [(0.1, 1, 43), (0.6, 1, 43), (0.8, 1, 52), (0.3, 4, 78), (1e-4, 100, 43), (60.0, 1, WINDOW_COLUMNS)],
)
def test_hop_leaves_a_third_to_spare_within_one_and_ten_seconds(hop_s: float, stations: int, columns: int) -> None:
    assert pick_hop_columns(hop_s, stations) == columns


async def test_late_answer_of_a_child_that_works_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ccmusicd.analyzer.LEAST_ANSWER_TIMEOUT_S", 0.05)
    work = iter(range(1_000))
    monkeypatch.setattr("ccmusicd.analyzer._cpu_s", lambda _: float(next(work)))
    analyzer = Analyzer([Path("nowhere")], hop_columns=43, on_ready=lambda _: None)
    reader = asyncio.StreamReader()
    late = asyncio.create_task(analyzer._reply(reader))
    while next(work) < 10:  # noqa: ASYNC110 - it is asked by the code under test
        await asyncio.sleep(0.01)
    reader.feed_data(frames.encode({"op": "votes"}, b"columns"))
    assert await asyncio.wait_for(late, 5) == ({"op": "votes"}, b"columns")
    monkeypatch.setattr("ccmusicd.analyzer._cpu_s", lambda _: 1.0)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(analyzer._reply(reader), 5)
    monkeypatch.setattr("ccmusicd.analyzer._cpu_s", lambda _: float(next(work)))
    monkeypatch.setattr("ccmusicd.analyzer.MOST_ANSWER_TIMEOUT_S", 0.2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(analyzer._reply(reader), 5)


class Overdue(Feed):
    """A feed whose hop has been waiting for so many seconds."""

    def __init__(self, seconds: float) -> None:
        super().__init__(np.empty(0, np.float32))
        self._seconds = seconds

    def overdue_s(self) -> float:
        return self._seconds


@pytest.mark.parametrize(("device", "expected"), [("cpu", [2.0]), ("cuda:0", [2.0, 1.0, 0.0])])
async def test_stations_take_turns_on_a_cpu_and_go_together_on_a_gpu(device: str, expected: list[float]) -> None:
    analyzer = Analyzer([Path("nowhere")], on_ready=lambda _: None)
    analyzer.device = device
    for seconds in (0.0, -0.5, 2.0, 1.0):
        analyzer.add(Overdue(seconds))
    due = await asyncio.wait_for(analyzer._due_feeds(), 5)
    assert [feed.overdue_s() for feed in due] == expected


async def test_a_station_that_is_removed_meanwhile_hears_no_answer_and_the_hop_fits_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    analyzer = Analyzer([Path("nowhere")], hop_columns=None, on_ready=lambda _: None)
    stays, gone = Overdue(1.0), Overdue(2.0)
    gone.id = "gone"
    for feed in (stays, gone):
        feed.analyzer = analyzer
        analyzer.add(feed)
    analyzer.hop_s, analyzer.hop_columns = 1.0, pick_hop_columns(1.0, 2)
    written: list[bytes] = []
    jobs = cast("asyncio.StreamWriter", SimpleNamespace(write=written.append))
    answer = {"models": {}, "columns": 0}

    async def reply(_: asyncio.StreamReader) -> tuple[frames.Head, bytes]:
        analyzer.remove(gone)
        return {"busy_s": 1.0, "stations": [answer, answer]}, b""

    monkeypatch.setattr(analyzer, "_reply", reply)
    await analyzer._hop([stays, gone], asyncio.StreamReader(), jobs)
    assert (stays.answers.qsize(), gone.answers.qsize()) == (1, 0)
    assert await asyncio.wait_for(analyzer._due_feeds(), 5) == [stays]
    written.clear()
    analyzer._tell_of_feeds(jobs)
    assert b'"forget"' in written[0]
    assert b'"gone"' in written[0]
    assert b'"configure"' in written[1]
    assert analyzer.hop_columns == pick_hop_columns(1.0, 1)


async def test_an_analyzer_that_never_starts_is_tried_for_months(monkeypatch: pytest.MonkeyPatch) -> None:
    analyzer = Analyzer([Path("nowhere")], on_ready=lambda _: None)
    tries = iter(range(1_100))  # half a day of them
    waited_s: list[float] = []

    async def dies() -> str:
        if next(tries, None) is None:
            raise AnalyzerError("enough")
        return "it could not be started"

    async def waits(delay_s: float) -> None:
        waited_s.append(delay_s)

    monkeypatch.setattr(analyzer, "_run_child", dies)
    monkeypatch.setattr("ccmusicd.analyzer.asyncio.sleep", waits)
    with pytest.raises(AnalyzerError, match="enough"):
        await analyzer.run()
    assert waited_s[:3] == [0.0, 2.0, 4.0]
    assert set(waited_s[6:]) == {30.0}


async def test_torch_that_cannot_be_imported_is_told_in_a_line_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "ccmusicd.analyzer_child", None)
    ours, theirs = socket.socketpair()
    _child_main(theirs, cast("Order", None))
    analyzer = Analyzer([Path("nowhere")], on_ready=lambda _: None)
    reader, writer = await asyncio.open_connection(sock=ours)
    with pytest.raises(ConnectionError, match=r"^torch cannot be loaded: import of ccmusicd\.analyzer_child halted"):
        await asyncio.wait_for(analyzer._serve(reader, writer), 5)
    writer.close()


@pytest.mark.parametrize("fault", ["ImportError", "OSError"])
def test_a_fork_server_that_cannot_import_torch_leaves_that_to_its_children(tmp_path: Path, fault: str) -> None:
    (tmp_path / "torch.py").write_text(f"raise {fault}('no libtorch')")
    answer = subprocess.run(
        [sys.executable, "-c", "import ccmusicd.analyzer_server"],
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("unit", ["ccmusicd.service", "ccmusicd@.service", "ccmusicd-user.service"])
def test_the_supervisor_waits_longer_for_the_networks_than_the_daemon(unit: str) -> None:
    lines = (Path(__file__).parents[2] / "systemd" / unit).read_text().splitlines()
    (waits,) = [line.removeprefix("TimeoutStartSec=") for line in lines if line.startswith("TimeoutStartSec=")]
    assert int(waits) > STARTUP_TIMEOUT_S
