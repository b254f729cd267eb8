"""Quotas of genres in a rolling window or in one show, and the latest moment at which they can still be kept.

What counts: music and speech of the genres count for them; other genres, and sound in which none stands out, against
them. What nobody judged (silence, lost signal, pauses, a daemon that was down, sound that no network listened to, the
time before the record) may have been either: a least share is only missed when it would be missed even if all of that
had been of the genres, and a largest share only when what was heard is too much by itself. The denominator is
therefore always the whole window, and what is told as missed is certain.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, Literal

from ccmusicd.events import NoticeEvent, NoticeKind, Severity, iso
from ccmusicd.programme.finding import Finding, clock, in_seconds, length, percent
from ccmusicd.programme.ledger import Ledger

Bound = Literal["at_least", "at_most"]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a quota stands at `now_us`.

    `share` of the window was heard to be of the genres; with what nobody judged it may be up to `most`. `slack_us` is
    how much of the window is left to be filled otherwise, below 0 when the quota is missed. `latest_us` is the last
    moment at which the genres must begin (at most: must end) for the quota to be kept; None when it is missed, or
    cannot be missed any more.
    """

    now_us: int
    share: float
    most: float
    slack_us: int
    latest_us: int | None

    @property
    def missed(self) -> bool:
        """Whether it is, for certain."""
        return self.slack_us < 0

    @property
    def margin_us(self) -> float:
        """Time left until `latest_us`: infinite when nothing can go wrong, negative when it has."""
        if self.missed:
            return float(self.slack_us)
        return math.inf if self.latest_us is None else self.latest_us - self.now_us


@dataclass(frozen=True, slots=True)
class Quota:
    """A share of a rolling window that genres must have, or must not exceed.

    Told `warn_us` before the latest moment, told again when it is missed, and cleared when the margin is `clear_us`
    longer than `warn_us`. `genres` are slugs, `words` how people call them.
    """

    name: str
    genres: frozenset[str]
    words: str
    bound: Bound
    share: float
    window_us: int
    warn_us: int
    clear_us: int
    zone: tzinfo
    kind: NoticeKind = "quota"

    def read(self, ledger: Ledger) -> Reading:
        """How it stands where the ledger ends. Exact to the microsecond.

        If only the wrong kind comes from now on, the window loses at its old end what counts; the quota is kept for
        as long as no more than the slack is lost. From then on only the right kind keeps it, and does, since the
        window cannot lose more than it gains.
        """
        now_us, since_us = ledger.now_us, ledger.now_us - self.window_us
        heard_us, unjudged_us = heard(ledger, self.genres, since_us, now_us)
        slack_us = -_need_us(self.bound, self.share, self.window_us)
        slack_us += heard_us + unjudged_us if self.bound == "at_least" else self.window_us - heard_us
        latest_us = None
        if slack_us >= 0:
            left_us = slack_us
            for start_us, end_us in self._counting(ledger, since_us, now_us):
                if end_us - start_us > left_us:
                    latest_us = start_us + left_us + self.window_us
                    break
                left_us -= end_us - start_us
        window = self.window_us
        return Reading(now_us, heard_us / window, (heard_us + unjudged_us) / window, slack_us, latest_us)

    def look(self, ledger: Ledger, active: NoticeEvent | None) -> Finding | None:
        """Whether it comes near, is missed, or is safe again."""
        reading = self.read(ledger)
        severity = worse(reading, self.warn_us, active)
        if severity is not None:
            since_us = active.since_us if active else reading.now_us
            return Finding("raised", severity, since_us, self._sentence(reading), self.values(reading))
        if active is not None and reading.margin_us >= self.warn_us + self.clear_us:
            text = f"{self._rule()} is kept again: {percent(reading.share)} were {self.words}."
            return Finding("cleared", "info", active.since_us, text, self.values(reading))
        return None

    def values(self, reading: Reading) -> dict[str, Any]:
        """The figures of a notice."""
        return {
            "genres": sorted(self.genres),
            self.bound: self.share,
            "window_s": in_seconds(self.window_us),
            "share": round(reading.share, 4),
            "share_at_most": round(reading.most, 4),
            "latest": None if reading.latest_us is None else iso(reading.latest_us),
            "missed": reading.missed,
        }

    def _counting(self, ledger: Ledger, from_us: int, to_us: int) -> Iterator[tuple[int, int]]:
        """The stretches of [from_us, to_us) that the quota lives on, holes of the ledger among them; oldest first."""
        edge_us = from_us
        for span in ledger.within(from_us, to_us):
            if span.start_us > edge_us:
                yield edge_us, span.start_us
            ours = span.judged and span.genre in self.genres
            if (ours or not span.judged) if self.bound == "at_least" else not ours:
                yield span.start_us, span.end_us
            edge_us = span.end_us
        if edge_us < to_us:
            yield edge_us, to_us

    def _rule(self) -> str:
        words = "at least" if self.bound == "at_least" else "at most"
        return f"The quota of {words} {percent(self.share)} {self.words} in any {length(self.window_us)}"

    def _sentence(self, reading: Reading) -> str:
        of = f"{percent(reading.share)} of the last {length(self.window_us)} were {self.words}"
        unjudged = reading.most - reading.share
        of += f", {percent(unjudged)} were not heard." if round(unjudged, 3) else "."
        if reading.missed:
            return f"{self._rule()} is missed: {of}"
        must = "begin" if self.bound == "at_least" else "end"
        when = "now" if reading.latest_us is None else clock(reading.latest_us, self.zone)
        return f"{self._rule()}: {self.words} must {must} by {when}. {of}"


@dataclass(frozen=True, slots=True)
class ShowQuota:
    """A share of one show, [start_us, end_us), that its genres must have."""

    genres: frozenset[str]
    share: float
    start_us: int
    end_us: int

    def read(self, ledger: Ledger) -> Reading:
        """How it stands where the ledger ends, which may be after the show."""
        lasts_us = self.end_us - self.start_us
        now_us = min(max(ledger.now_us, self.start_us), self.end_us)
        heard_us, unjudged_us = heard(ledger, self.genres, self.start_us, now_us)
        need_us = _need_us("at_least", self.share, lasts_us)
        lacking_us = need_us - heard_us - unjudged_us
        slack_us = self.end_us - now_us - lacking_us
        latest_us = now_us + slack_us if lacking_us > 0 and slack_us >= 0 else None
        return Reading(now_us, heard_us / lasts_us, (heard_us + unjudged_us) / lasts_us, slack_us, latest_us)


def worse(reading: Reading, warn_us: int, active: NoticeEvent | None) -> Severity | None:
    """The severity to raise or escalate to; None when the notice that holds says as much."""
    told: Severity = "info" if active is None else active.severity
    if reading.missed:
        return None if told == "alarm" else "alarm"
    if reading.margin_us <= warn_us and told == "info":
        return "warning"
    return None


def heard(ledger: Ledger, genres: frozenset[str], from_us: int, to_us: int) -> tuple[int, int]:
    """How much of [from_us, to_us) was of the genres, and how much nobody judged, in microseconds."""
    ours_us = others_us = 0
    for span in ledger.within(from_us, to_us):
        if span.judged and span.genre in genres:
            ours_us += span.end_us - span.start_us
        elif span.judged:
            others_us += span.end_us - span.start_us
    return ours_us, to_us - from_us - ours_us - others_us


def _need_us(bound: Bound, share: float, window_us: int) -> int:
    """What must count in a window. Rounded first to a thousandth: 0.7 of ten is seven, whatever floats say."""
    exact = round(share * window_us, 3)
    return math.ceil(exact) if bound == "at_least" else window_us - math.floor(exact)
