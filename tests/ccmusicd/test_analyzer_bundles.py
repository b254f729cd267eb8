"""What an analyzer child loads: the models that were ordered, of all bundles; and what goes between it and us."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from ccmusic_stream.engine import Seen
from ccmusic_stream.geometry import BINS, HOP_LENGTH
from ccmusic_stream.votes import Vote
from ccmusicd import frames
from ccmusicd.analyzer_child import heard, start, votes_frame
from ccmusicd.jobs import Job, Order, answers_of, hop_frame
from ccmusicd.weights.bundles import open_bundle


@pytest.fixture
def keep_threads() -> Iterator[None]:
    """A child leaves torch one thread outside the networks; the tests that follow are to have them all."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("keep_threads")
def test_a_child_joins_the_bundles_as_the_parent_did(light_bundle: Path, tmp_path: Path) -> None:
    text = (light_bundle / "bundle.toml").read_text(encoding="utf-8").replace('"light"', '"late"')
    (tmp_path / "bundle.toml").write_text(text, encoding="utf-8")
    bundle = open_bundle([str(light_bundle), str(tmp_path)])
    names = [model.name for model in bundle.models if model.name != "mobilenet_v3_large_mel_light"]
    order = Order(
        bundle.folders, bundle.labels.slugs, "cpu", names, runtime="auto", cache=tmp_path, stations=1, measured_hops=1
    )
    _, ready = start(order)
    assert ready["models"] == {
        "mobilenet_v3_large_cqt_light": None,
        "mobilenet_v3_large_cqt_late": None,
        "mobilenet_v3_large_mel_late": None,
    }
    assert ready["runtimes"] == dict.fromkeys(names, "ncnn")


def test_a_job_of_several_stations_arrives_as_it_was_sent() -> None:
    random = np.random.default_rng(0)
    jobs = [
        Job(name, 0, random.standard_normal(hops * HOP_LENGTH).astype(np.float32), reset=reset)
        for name, hops, reset in (("main", 43, False), ("电台", 129, True), ("c", 1, False))
    ]
    frame = frames.read_blocking(io.BytesIO(hop_frame(jobs)))
    assert frame is not None
    head, payload = frame
    assert head["op"] == "hop"
    arrived = heard(head["stations"], payload)
    assert [(one.station, one.reset) for one in arrived] == [("main", False), ("电台", True), ("c", False)]
    for one, job in zip(arrived, jobs, strict=True):
        np.testing.assert_array_equal(one.samples, job.samples)


def test_answers_of_several_stations_arrive_as_they_were_sent() -> None:
    random = np.random.default_rng(1)
    seen = [
        Seen(
            {
                "good": Vote(random.dirichlet(np.ones(5)).astype(np.float32), 12.5),
                "bad": Vote(None, 3.0, f"ValueError: {columns}"),
            },
            {kind: random.integers(0, 256, (bins, columns)).astype(np.uint8) for kind, bins in BINS.items()},
        )
        for columns in (43, 129, 1)
    ]
    frame = frames.read_blocking(io.BytesIO(votes_frame(seen, 0.25)))
    assert frame is not None
    answers = answers_of(*frame)
    for one, answer in zip(seen, answers, strict=True):
        assert answer.busy_s == 0.25
        assert answer.columns == b"".join(one.columns[kind].T.tobytes() for kind in ("cqt", "mel"))
        assert list(answer.models) == ["good", "bad"]
        assert answer.models["good"].probabilities == pytest.approx(one.votes["good"].probabilities)
        assert answer.models["good"].ms == 12.5
        assert answer.models["bad"].probabilities is None
        assert answer.models["bad"].error == one.votes["bad"].error
