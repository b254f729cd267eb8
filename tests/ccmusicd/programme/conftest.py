"""Ledgers written down as a programme: a time, and what was on air from then on."""

from collections.abc import Callable

import pytest

from ccmusicd.events import NoticeEvent
from ccmusicd.programme.finding import Finding
from ccmusicd.programme.ledger import Ledger, Span

NOON_US = 1_769_860_800_000_000  # 2026-01-31T12:00:00Z, a Saturday
S = 1_000_000

KINDS = {"silence", "no_signal", "paused", "down", "uncertain"}


def span_of(start_s: float, end_s: float, what: str) -> Span:
    """`what` is a kind, "starting" for sound that nobody listened to yet, "speech", or else a genre of music."""
    start_us, end_us = NOON_US + round(start_s * S), NOON_US + round(end_s * S)
    if what == "starting":
        return Span(start_us, end_us, "uncertain", None, "starting")
    if what in KINDS:
        return Span(start_us, end_us, what)  # type: ignore[arg-type]  # one of the kinds
    return Span(start_us, end_us, "speech" if what == "speech" else "music", what)


@pytest.fixture
def heard() -> Callable[..., Ledger]:
    """heard((0, "rock"), (60, "silence"), until=90): seconds after noon."""

    def make(*parts: tuple[float, str], until: float) -> Ledger:
        ledger = Ledger()
        ends = [start for start, _ in parts[1:]] + [until]
        for (start, what), end in zip(parts, ends, strict=True):
            ledger.put(span_of(start, end, what))
        return ledger

    return make


@pytest.fixture
def as_notice() -> Callable[..., NoticeEvent]:
    """The notice that a finding becomes."""

    def make(finding: Finding, kind: str = "dead_air", name: str = "") -> NoticeEvent:
        return NoticeEvent(
            "main",
            kind,  # type: ignore[arg-type]  # one of the kinds
            name,
            finding.change,
            finding.severity,
            finding.since_us,
            NOON_US,
            finding.text,
            finding.values,
        )

    return make
