"""Dead air: nothing to hear for longer than a programme is ever silent, by silence or by lost signal."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import Literal

from ccmusicd.events import NoticeEvent, NoticeKind
from ccmusicd.programme.finding import SECOND_US, Finding, clock, in_seconds, length
from ccmusicd.programme.ledger import Ledger, Span

CLICK_US = SECOND_US
"""Sound no longer than this, between silences, is a click and no programme."""

Cause = Literal["silence", "no_signal"]
_WORDS: dict[Cause, str] = {"silence": "silence", "no_signal": "no signal"}


@dataclass(frozen=True, slots=True)
class DeadAir:
    """Raised when silence and lost signal have lasted `after_us`, cleared when sound has gone on for `clear_after_us`.

    Sound that comes and goes clears nothing, and music with pauses raises nothing: each counts without interruption.
    A pause of the station clears it at once, since nobody listens. Time that the daemon was down is no silence.
    """

    after_us: int
    clear_after_us: int
    zone: tzinfo
    kind: NoticeKind = "dead_air"
    name: str = ""

    def look(self, ledger: Ledger, active: NoticeEvent | None) -> Finding | None:
        """What the newest spans say."""
        newest = next(ledger.backwards(), None)
        if newest is None:
            return None
        if active is None:
            return self._raise(_dead_spans(ledger), ledger.now_us)
        if newest.kind == "paused":
            return self._clear(active, newest.start_us, "the station is paused")
        back_us = _sound_since_us(ledger)
        if back_us is not None and ledger.now_us - back_us >= self.clear_after_us:
            return self._clear(active, back_us, f"there is sound again since {clock(back_us, self.zone)}")
        return None

    def _raise(self, dead: list[Span], now_us: int) -> Finding | None:
        if not dead or now_us - dead[-1].start_us < self.after_us:
            return None
        since_us, cause = dead[-1].start_us, _cause(dead[0])
        lasts = {kind: sum(span.end_us - span.start_us for span in dead if span.kind == kind) for kind in _WORDS}
        return Finding(
            "raised",
            "alarm",
            since_us,
            f"Dead air: {_WORDS[cause]} for {length(now_us - since_us)}, since {clock(since_us, self.zone)}.",
            {"cause": cause, "silence_s": in_seconds(lasts["silence"]), "no_signal_s": in_seconds(lasts["no_signal"])},
        )

    def _clear(self, active: NoticeEvent, until_us: int, why: str) -> Finding:
        lasted_us = max(0, until_us - active.since_us)
        cause = active.values.get("cause", "silence")
        text = f"Dead air is over after {length(lasted_us)}: {why}."
        return Finding("cleared", "info", active.since_us, text, {"cause": cause, "lasted_s": in_seconds(lasted_us)})


def _dead_spans(ledger: Ledger) -> list[Span]:
    """The silence and lost signal that last until now, the newest first; clicks between them are left out."""
    dead: list[Span] = []
    click_us = 0
    edge_us = ledger.now_us
    for span in ledger.backwards():
        if span.end_us < edge_us or span.kind in {"paused", "down"}:
            break  # of what was before, nothing is known
        if span.kind in _WORDS:
            dead.append(span)
            click_us = 0
        else:
            click_us += span.end_us - span.start_us
            if not dead or click_us > CLICK_US:
                break
        edge_us = span.start_us
    return dead


def _sound_since_us(ledger: Ledger) -> int | None:
    """Since when there has been sound without interruption; None when there is none now."""
    since_us = None
    for span in ledger.backwards():
        if span.kind not in {"music", "speech", "uncertain"} or (since_us is not None and span.end_us < since_us):
            break
        since_us = span.start_us
    return since_us


def _cause(span: Span) -> Cause:
    return "no_signal" if span.kind == "no_signal" else "silence"
