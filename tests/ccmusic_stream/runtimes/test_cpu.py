"""Voters on a CPU: shares of the cores, order, stalls, folding."""

import threading
from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from ccmusic_stream.lanes import Lanes
from ccmusic_stream.models.backbones import build
from ccmusic_stream.models.bundle import ModelSpec
from ccmusic_stream.runtimes import cpu as room
from ccmusic_stream.runtimes.cpu import CpuVoters, Scheme, TorchNetwork, folded, quickest, schemes
from ccmusic_stream.votes import PictureKey

HALF = (0.5, 0.5, 0.5)
CQT: PictureKey = ("cqt", "seed")
PICTURES: dict[PictureKey, Tensor] = {CQT: torch.zeros(1, 1, 224, 224, dtype=torch.uint8)}


def specs(*names: str) -> dict[str, ModelSpec]:
    return {name: ModelSpec(name, "resnet50", "cqt", "gap", "seed", None, None, 0, HALF, HALF) for name in names}


class Named:
    """Tells when it is called, and answers with fixed logits."""

    def __init__(self, name: str, called: list[str]) -> None:
        self.threads = 0
        self._name = name
        self._called = called

    def __call__(self, _picture: Tensor) -> Tensor:
        self._called.append(self._name)
        return torch.tensor([[1.0, 0.0]])


def test_the_slowest_begins_first() -> None:
    called: list[str] = []
    voters = CpuVoters(specs("a", "b", "c"), {name: Named(name, called) for name in "abc"}, Scheme(1, 1))
    voters._ms |= {"a": 1.0, "b": 9.0, "c": 5.0}
    assert list(voters.votes(PICTURES)[0]) == ["a", "b", "c"]
    assert called == ["b", "c", "a"]


def test_a_network_that_stalls_is_left_out_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = threading.Event()

    class Stalls(Named):
        def __call__(self, picture: Tensor) -> Tensor:
            stuck.wait()
            return super().__call__(picture)

    monkeypatch.setattr(room, "Lanes", lambda lanes, prepare: Lanes(lanes, patience_s=0.15, prepare=prepare))
    called: list[str] = []
    voters = CpuVoters(specs("a", "b"), {"a": Stalls("a", called), "b": Named("b", called)}, Scheme(1, 1))
    try:
        for _ in range(2):
            [votes] = voters.votes(PICTURES)
            assert votes["a"].probabilities is None
            assert votes["a"].error is not None
            assert votes["a"].error.startswith("has not answered for")
            assert votes["b"].error is None
    finally:
        stuck.set()


def test_every_network_keeps_as_many_threads_busy_as_the_scheme_says() -> None:
    networks = {name: Named(name, []) for name in "ab"}
    voters = CpuVoters(specs("a", "b"), networks, Scheme(2, 3))
    assert {network.threads for network in networks.values()} == {3}
    voters.share(Scheme(1, 5))
    assert {network.threads for network in networks.values()} == {5}
    assert voters.scheme == Scheme(1, 5)


def test_a_model_whose_picture_is_not_there_does_not_vote() -> None:
    called: list[str] = []
    wanted = specs("a", "b") | {"b": ModelSpec("b", "resnet50", "mel", "gap", "seed", None, None, 0, HALF, HALF)}
    voters = CpuVoters(wanted, {name: Named(name, called) for name in "ab"}, Scheme(1, 1))
    assert voters.pictures == {CQT, ("mel", "seed")}
    assert [list(votes) for votes in voters.votes(PICTURES)] == [["a"]]
    assert called == ["a"]
    assert voters.votes({}) == []


def test_as_many_networks_run_at_once_as_the_scheme_says_and_the_old_lanes_end(
    wait_until: Callable[..., None],
) -> None:
    before = set(threading.enumerate())
    meeting = threading.Barrier(1)
    found: list[int] = []

    class Meets(Named):
        def __call__(self, picture: Tensor) -> Tensor:
            meeting.wait(10)
            found.append(torch.get_num_threads())
            return super().__call__(picture)

    voters = CpuVoters(specs(*"abcd"), {name: Meets(name, []) for name in "abcd"}, Scheme(3, 1))
    for scheme in (Scheme(1, 3), Scheme(2, 2), Scheme(4, 1)):
        voters.share(scheme)
        meeting = threading.Barrier(scheme.lanes)
        found.clear()
        assert [vote.error for vote in voters.votes(PICTURES)[0].values()] == [None] * 4
        assert found == [scheme.threads] * 4
        count = scheme.lanes
        wait_until(lambda count=count: len(set(threading.enumerate()) - before) == count, what="the old lanes' end")
    voters._lanes.close()


class CountsThreads:
    """Answers with the number of threads that torch uses where it is called."""

    threads = 0

    def __call__(self, _picture: Tensor) -> Tensor:
        return torch.log(torch.tensor([[float(torch.get_num_threads()), 1.0]]))


@pytest.fixture
def keep_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("keep_threads")
def test_lanes_keep_their_threads_whatever_others_set_for_themselves() -> None:
    voters = CpuVoters(specs("a"), {"a": CountsThreads()}, Scheme(1, 3))
    for count in (1, 2):
        torch.set_num_threads(count)
        [votes] = voters.votes(PICTURES)
        assert votes["a"].probabilities == pytest.approx([0.75, 0.25])


@pytest.mark.parametrize(
    ("models", "cores", "expected"),
    [
        (5, 1, [(1, 1)]),
        (5, 2, [(1, 2), (2, 1)]),
        (1, 4, [(1, 4)]),
        (5, 4, [(1, 4), (2, 2), (4, 1)]),
        (5, 16, [(1, 16), (2, 8), (5, 3)]),
        (2, 8, [(1, 8), (2, 4)]),
    ],
)
def test_ways_to_share_the_cores(models: int, cores: int, expected: list[tuple[int, int]]) -> None:
    assert [(scheme.lanes, scheme.threads) for scheme in schemes(models, cores)] == expected


@pytest.mark.parametrize("best", [1, 2, 4])
def test_the_quickest_scheme_is_taken(monkeypatch: pytest.MonkeyPatch, best: int) -> None:
    clock = [0.0]

    class Takes(Named):
        def __call__(self, picture: Tensor) -> Tensor:
            clock[0] += 1.0 if self.threads == best else 2.0
            return super().__call__(picture)

    monkeypatch.setattr("ccmusic_stream.runtimes.cpu.time.perf_counter", lambda: clock[0])
    voters = CpuVoters(specs("a"), {"a": Takes("a", [])}, Scheme(1, 8))
    found = quickest(voters, [Scheme(4, 1), Scheme(2, 2), Scheme(1, 4)])
    assert found == voters.scheme
    assert found.threads == best


@pytest.mark.parametrize("backbone", ["mobilenet_v3_large", "densenet121"])
def test_folding_leaves_the_logits_and_the_original_as_they_were(backbone: str) -> None:
    network = build(backbone, "gap", 5, seed=1)
    picture = torch.rand(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        before = network(picture)
        ready = folded(network)
        torch.testing.assert_close(ready(picture), before, rtol=1e-3, atol=1e-4)
        torch.testing.assert_close(network(picture), before, rtol=1e-5, atol=1e-5)
    norms = [sum(isinstance(one, nn.BatchNorm2d) for one in made.modules()) for made in (network, ready)]
    assert norms[1] < norms[0]
    torch.testing.assert_close(TorchNetwork(network)(picture), before, rtol=1e-3, atol=1e-4)
