"""Vitals: what counts as alive, what as healthy, and in whose words it is told."""

import math
from dataclasses import dataclass, field

import pytest

from ccmusicd.events import AnalyzerState
from ccmusicd.vitals import NO_PROGRESS_S, STALE_TICK_S, UNHEALTHY_S, Vitals


@dataclass
class _Station:
    waits_s: float = -1.0

    def overdue_s(self) -> float:
        return self.waits_s

    def summary(self) -> str:
        return "jazz"


@dataclass
class _Analyzer:
    state: AnalyzerState = "running"
    model_errors: dict[str, str | None] = field(default_factory=lambda: {"vgg19_bn_cqt": None, "resnet50_mel": "NaN"})


@dataclass
class _Part:
    state: str


@dataclass
class _Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> _Clock:
    return _Clock()


@pytest.fixture
def vitals(clock: _Clock) -> Vitals:
    return Vitals({"main": _Station(), "web": _Station(-math.inf)}, analyzer=_Analyzer(), monotonic=clock)


def test_a_daemon_that_works_has_no_ailment(vitals: Vitals) -> None:
    assert vitals.ailment() is None
    assert vitals.alive()


def test_without_stations_and_analyzer_it_only_starts() -> None:
    vitals = Vitals({})
    assert vitals.ailment() == "the networks are being loaded"
    assert vitals.alive()
    assert vitals.parts() == {"analyzer": "starting", "timeline": "off", "mqtt": "off"}


@pytest.mark.parametrize(
    ("analyzer", "told"),
    [
        (_Analyzer("starting"), "loaded"),
        (_Analyzer("restarting"), "restarts"),
        (_Analyzer(model_errors={"a": "no file", "b": "NaN"}), "no model votes"),
    ],
)
def test_an_analyzer_that_cannot_vote_is_told(vitals: Vitals, analyzer: _Analyzer, told: str) -> None:
    vitals.analyzer = analyzer
    assert told in (vitals.ailment() or "")
    assert vitals.alive()  # a new daemon would do no better


def test_hops_that_wait_are_an_ailment_and_at_last_deadly(vitals: Vitals) -> None:
    vitals.stations = {"main": _Station(1.0), "web": _Station(UNHEALTHY_S)}
    assert vitals.ailment() == f"a hop of station web has waited {UNHEALTHY_S:.0f} s for its votes"
    assert vitals.alive()
    vitals.stations = {"main": _Station(NO_PROGRESS_S)}
    assert not vitals.alive()
    vitals.analyzer = _Analyzer("restarting")
    assert vitals.alive()


# Seen to fail without: the look at the loop's own tick.
def test_an_event_loop_that_stands_still_is_neither_healthy_nor_alive(vitals: Vitals, clock: _Clock) -> None:
    clock.now += STALE_TICK_S
    assert vitals.ailment() == "the event loop stands still"
    assert not vitals.alive()
    vitals.tick()
    assert vitals.alive()


def test_parts_tell_in_their_own_words(vitals: Vitals) -> None:
    vitals.timeline, vitals.mqtt = _Part("degraded: disk full"), _Part("online")
    assert vitals.parts() == {"analyzer": "running", "timeline": "degraded: disk full", "mqtt": "online"}


def test_the_status_says_what_ails_it_and_how_each_station_is(vitals: Vitals) -> None:
    assert vitals.summary() == "main: jazz; web: jazz"
    vitals.timeline, vitals.analyzer = _Part("degraded: the disk is full"), _Analyzer("restarting")
    assert vitals.summary() == "the analyzer restarts; timeline degraded: the disk is full; main: jazz; web: jazz"
    vitals.stations = {f"station {number}": _Station() for number in range(500)}
    assert len(vitals.summary()) == 1_000
