"""Declared against heard: the genre that a stream or the schedule names, and what the networks heard lately."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from ccmusicd.events import NoticeEvent, NoticeKind
from ccmusicd.programme.finding import Finding, clock, in_seconds, length, percent
from ccmusicd.programme.ledger import Ledger

BACK_BY = 0.1
"""A mismatch is over when the declared genres have this much more than the share below which it is told."""


@dataclass(slots=True)
class DeclaredCheck:
    """A mismatch is told when, of the last `over_us` of music, less than `at_least` was of what is declared.

    Only music counts (and speech, where that is declared): talk between records, silence and sound without a clear
    genre say nothing of the genre. Only what was heard since the declaration counts; until that is `over_us`, nothing
    is said. `name` is who declares.
    """

    name: str
    over_us: int
    at_least: float
    zone: tzinfo
    kind: NoticeKind = "declared"
    _text: str | None = None
    _genres: frozenset[str] = frozenset()
    _since_us: int = 0

    def declare(self, text: str, genres: frozenset[str], since_us: int) -> None:
        """What is declared from `since_us` on, and the slugs that it means.

        "" is nothing; without slugs there is nothing that could be compared. Before the first word nothing is known.
        """
        if (text, genres) != (self._text, self._genres):
            self._text, self._genres, self._since_us = text, genres, since_us

    def look(self, ledger: Ledger, active: NoticeEvent | None) -> Finding | None:
        """Whether what is heard is what is declared."""
        if active is not None and self._text is not None and active.values.get("declared") != self._text:
            now = f"declared is now {self._text!r}" if self._text else "nothing is declared any more"
            return self._clear(active, now, {"declared": self._text})
        if not self._genres:
            return None
        heard = self._heard(ledger)
        total_us = sum(heard.values())
        if total_us < self.over_us:
            return None
        share = sum(heard.get(genre, 0) for genre in self._genres) / total_us
        best = max(heard, key=lambda genre: (heard[genre], genre))
        values = {
            "declared": self._text,
            "genres": sorted(self._genres),
            "heard": best,
            "share": round(share, 4),
            "at_least": self.at_least,
            "over_s": in_seconds(self.over_us),
        }
        if active is None and share < self.at_least:
            text = (
                f"Declared is {self._text!r}, but of the last {length(self.over_us)} of music only {percent(share)} "
                f"were of it; most was {best}."
            )
            return Finding("raised", "warning", ledger.now_us, text, values)
        if active is not None and share >= min(1.0, self.at_least + BACK_BY):
            return self._clear(active, f"{percent(share)} of the music are {self._text!r}, as declared", values)
        return None

    def _clear(self, active: NoticeEvent, why: str, values: dict[str, Any]) -> Finding:
        since = clock(active.since_us, self.zone)
        return Finding("cleared", "info", active.since_us, f"The mismatch since {since} is over: {why}.", values)

    def _heard(self, ledger: Ledger) -> dict[str, int]:
        """The newest `over_us` of music since the declaration, by genre."""
        heard: dict[str, int] = {}
        left_us = self.over_us
        for span in ledger.backwards():
            if span.end_us <= self._since_us or left_us <= 0:
                break
            if span.genre is None or (span.kind != "music" and span.genre not in self._genres):
                continue
            lasts_us = min(span.end_us - max(span.start_us, self._since_us), left_us)
            heard[span.genre] = heard.get(span.genre, 0) + lasts_us
            left_us -= lasts_us
        return heard
