"""The values of hops, packed and unpacked: what comes back is what went in, within the steps."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from ccmusicd.events import HopEvent, Level
from ccmusicd.publish.hops import ENSEMBLE_STEPS, MODEL_STEPS, HopCollector, Layout, PackedHops, unpack

NOON_US = 1_769_860_800_000_000
SECOND_US = 1_000_000
LABELS = ("classical", "rock", "jazz")

MakeHop = Callable[..., HopEvent]


@pytest.fixture
def voted_hop(make_hop: MakeHop) -> MakeHop:
    """A hop with a vote of each of two models, drawn from `generator`; those named in `silent` do not vote."""

    def make(generator: np.random.Generator, seq: int, silent: tuple[str, ...] = (), **fields: Any) -> HopEvent:
        votes = {
            name: dict(zip(LABELS, generator.dirichlet([1, 1, 1]), strict=True))
            for name in ("vgg19_bn_cqt", "resnet50_mel")
            if name not in silent
        }
        ensemble = dict(zip(LABELS, generator.dirichlet([1, 1, 1]), strict=True)) if votes else {}
        values = {"votes": votes, "ensemble": ensemble, "time_us": NOON_US + seq * 998_458 + seq % 2}
        return make_hop(seq=seq, **{**values, **fields})

    return make


def collect(hops: list[HopEvent]) -> list[PackedHops]:
    collector = HopCollector("starter")
    blocks = [collector.add(hop, 0.0) for hop in hops]
    return [*(block for block in blocks if block is not None), *collector.take()]


def test_what_is_packed_comes_back_within_the_steps(voted_hop: MakeHop) -> None:
    generator = np.random.default_rng(5)
    names = ("resnet50_mel", "vgg19_bn_cqt")
    said = [
        voted_hop(
            generator,
            seq,
            silent=names[: seq % 3],
            agreement=seq % 3 / 2,
            divergence=float(generator.random()),
            level=Level(float(generator.uniform(-120, 7)), float(generator.uniform(-120, 7)), clipped=seq % 7 == 0),
            state=("music", "silence", "paused")[seq % 3],
        )
        for seq in range(60)
    ]
    (packed,) = collect(said)
    block = unpack(packed)
    assert (packed.start_us, packed.end_us) == (said[0].time_us, said[-1].time_us)
    assert packed.layout == Layout("starter", LABELS, names)
    assert block.time_us.tolist() == [hop.time_us for hop in said]
    assert block.states.tolist() == [hop.state for hop in said]
    assert block.clipped.tolist() == [hop.level.clipped for hop in said]
    assert np.abs(block.rms_dbfs - [hop.level.rms_dbfs for hop in said]).max() <= 0.2501
    assert np.abs(block.peak_dbfs - [hop.level.peak_dbfs for hop in said]).max() <= 0.2501
    for index, hop in enumerate(said):
        if not hop.ensemble:
            assert np.isnan(block.ensemble[index]).all()
            assert np.isnan([block.agreement[index], block.divergence[index]]).all()
        else:
            difference = block.ensemble[index] - [hop.ensemble[slug] for slug in LABELS]
            assert np.abs(difference).max() <= 0.5001 / ENSEMBLE_STEPS
            assert block.agreement[index] == pytest.approx(hop.agreement, abs=0.5001 / ENSEMBLE_STEPS)
            assert block.divergence[index] == pytest.approx(hop.divergence, abs=0.5001 / ENSEMBLE_STEPS)
        for place, name in enumerate(names):
            if name not in hop.votes:
                assert np.isnan(block.models[index, place]).all()
            else:
                difference = block.models[index, place] - [hop.votes[name][slug] for slug in LABELS]
                assert np.abs(difference).max() <= 0.5001 / MODEL_STEPS


def test_a_block_is_a_minute_of_one_layout(make_hop: MakeHop) -> None:
    blocks = collect([make_hop(seq=seq) for seq in range(1, 150)])
    assert [len(unpack(block)) for block in blocks] == [59, 60, 30]
    other = make_hop(seq=3, models={"other_mel": make_hop().models["vgg19_bn_cqt"]})
    blocks = collect([make_hop(seq=1), make_hop(seq=2), other, make_hop("web", seq=1)])
    assert [(block.station, block.layout.models) for block in blocks] == [
        ("main", ("resnet50_mel", "vgg19_bn_cqt")),
        ("main", ("other_mel",)),
        ("web", ("resnet50_mel", "vgg19_bn_cqt")),
    ]


def test_time_that_comes_a_second_time_is_told_once(make_hop: MakeHop) -> None:
    """The clock was set back by 20 s."""
    hops = [*(make_hop(seq=seq) for seq in range(1, 30)), *(make_hop(seq=seq) for seq in range(10, 40))]
    times = [time for block in collect(hops) for time in unpack(block).time_us.tolist()]
    assert times == [NOON_US + seq * SECOND_US for seq in range(1, 40)]


def test_a_clock_that_is_set_forward_begins_another_block(make_hop: MakeHop) -> None:
    blocks = collect([make_hop(seq=1), make_hop(seq=2), make_hop(seq=3602)])
    assert [len(unpack(block)) for block in blocks] == [2, 1]


def test_a_block_of_a_quiet_source_is_taken_after_a_minute(make_hop: MakeHop) -> None:
    collector = HopCollector("starter")
    collector.add(make_hop(), 100.0)
    assert collector.take(before_s=100.0) == []
    (block,) = collector.take(before_s=100.5)
    assert len(unpack(block)) == 1
    assert collector.take() == []


def test_a_range_cuts_a_block(make_hop: MakeHop) -> None:
    (packed,) = collect([make_hop(seq=seq) for seq in range(1, 10)])
    block = unpack(packed)
    assert block.between(None, None) is block
    cut = block.between(NOON_US + 3 * SECOND_US, NOON_US + 6 * SECOND_US)
    assert ((cut.time_us - NOON_US) // SECOND_US).tolist() == [3, 4, 5]
    assert (len(cut.states), cut.ensemble.shape, cut.models.shape, len(cut.rms_dbfs)) == (3, (3, 3), (3, 2, 3), 3)
    assert len(block.between(0, NOON_US)) == 0


@pytest.mark.parametrize(
    "data", [b"", b"\x01", bytes(5), b"\x09" + bytes(40), b"\x01\x09\x00\x15\x00" + bytes(9), None]
)
def test_what_is_no_block_is_refused(make_hop: MakeHop, data: bytes | None) -> None:
    (packed,) = collect([make_hop(seq=seq) for seq in range(1, 10)])
    data = packed.data[:-9] if data is None else data
    with pytest.raises(ValueError, match="block"):
        unpack(PackedHops("main", packed.layout, 0, 1, data))


def test_a_layout_is_stored_as_text() -> None:
    layout = Layout("starter", ("古典", "rock"), ("a_cqt",))
    assert Layout.from_json(layout.to_json()) == layout
    assert layout.digest != Layout("starter", ("rock", "古典"), ("a_cqt",)).digest
    named = Layout("starter", ("古典", "rock"), ("a_cqt",), ("0123456789abcdef",))
    assert Layout.from_json(named.to_json()) == named
    assert named.digest != layout.digest
    for text in ("", "[]", "{}", '{"bundle": "b", "labels": 3, "models": []}'):
        with pytest.raises(ValueError, match=r".*"):
            Layout.from_json(text)


def test_a_minute_is_small(make_hop: MakeHop) -> None:
    """Five models of 13 labels whose votes wander as those of 10-second windows do."""
    generator = np.random.default_rng(1)
    labels, models = [f"genre{n}" for n in range(13)], [f"model{n}" for n in range(5)]
    kernel = np.ones(10) / 10
    noise = generator.normal(0, 2, (5, 13, 69))
    logits = np.stack([[np.convolve(one, kernel, "valid") for one in model] for model in noise])  # (5, 13, 60)
    logits += generator.normal(0, 2, (5, 13, 1))
    logits[:, 4] += 6
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    vote = make_hop().models["vgg19_bn_cqt"]
    hops = [
        make_hop(
            seq=second,
            models=dict.fromkeys(models, vote),
            rolling=dict.fromkeys(labels, 0.0),
            ensemble=dict(zip(labels, shares[:, :, second].mean(axis=0), strict=True)),
            votes={m: dict(zip(labels, shares[i, :, second], strict=True)) for i, m in enumerate(models)},
        )
        for second in range(60)
    ]
    (packed,) = collect(hops)
    assert packed.layout.rows == 4 + 6 + 5 + 13 + 65
    assert len(packed.data) < 1100
