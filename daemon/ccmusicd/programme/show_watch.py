"""The show that is on: told when it begins, when its genres come too late, and with its minutes when it has ended."""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Any

from ccmusicd.events import NoticeEvent, NoticeKind, Severity, iso
from ccmusicd.programme.finding import SECOND_US, Finding, clock, in_seconds, length, percent
from ccmusicd.programme.ledger import Ledger
from ccmusicd.programme.quota import Reading, ShowQuota, worse
from ccmusicd.programme.shows import Schedule, Show

SETTLED_US = 20 * SECOND_US
"""After its end a show's minutes may still change, as what is found then is dated back."""


@dataclass(frozen=True, slots=True)
class Minutes:
    """What was heard in a stretch of time, in microseconds; all of it adds up to the stretch."""

    genres: dict[str, int]
    uncertain_us: int
    not_heard_us: int


@dataclass(frozen=True, slots=True)
class ShowWatch:
    """Looks at the schedule; one show is on at a time, and its notice lasts from its beginning to its end."""

    schedule: Schedule
    warn_us: int
    zone: tzinfo
    kind: NoticeKind = "show"
    name: str = ""

    def look(self, ledger: Ledger, active: NoticeEvent | None) -> Finding | None:
        """A show begins, comes to miss what is due, or has ended."""
        if active is not None:
            return self._go_on(ledger, active)
        show = self.schedule.on_at(ledger.now_us)
        if show is None:
            return None
        due = f"{_listed(show.genres)} due" if show.genres else "any genre"
        text = f"{show.name} is on until {clock(show.end_us, self.zone)}: {due}."
        return Finding("raised", "info", show.start_us, text, _values(show, ledger))

    def _go_on(self, ledger: Ledger, active: NoticeEvent) -> Finding | None:
        show = show_of(active)
        now_on = self.schedule.on_at(ledger.now_us)
        ended = ledger.now_us >= show.end_us + SETTLED_US
        if not ended and now_on is not None and now_on.start_us > show.start_us and now_on.start_us < show.end_us:
            ended = ledger.now_us >= now_on.start_us + SETTLED_US  # another took its place before its end
            show = Show(show.name, show.start_us, now_on.start_us, show.genres, show.at_least)
        if ended:
            return self._end(show, ledger)
        if show.at_least is None or not show.genres or ledger.now_us >= show.end_us:
            return None
        reading = _quota(show, show.at_least).read(ledger)
        spare_us = round((1 - show.at_least) * (show.end_us - show.start_us))
        severity = worse(reading, min(self.warn_us, spare_us // 2), active)  # not as soon as it has begun
        if severity is None:
            return None
        return Finding("raised", severity, show.start_us, self._sentence(show, reading), _values(show, ledger, reading))

    def _sentence(self, show: Show, reading: Reading) -> str:
        rule = f"{show.name} needs {percent(show.at_least or 0)} {_listed(show.genres)}"
        if reading.latest_us is None:
            return f"{rule}, which it can no longer reach until {clock(show.end_us, self.zone)}."
        return f"{rule}: they must begin by {clock(reading.latest_us, self.zone)}."

    def _end(self, show: Show, ledger: Ledger) -> Finding:
        reading = None if show.at_least is None or not show.genres else _quota(show, show.at_least).read(ledger)
        severity: Severity = "alarm" if reading is not None and reading.missed else "info"
        minutes = count(ledger, show.start_us, show.end_us)
        heard = [f"{length(us)} {genre}" for genre, us in minutes.genres.items()]
        if minutes.uncertain_us:
            heard.append(f"{length(minutes.uncertain_us)} without a clear genre")
        if minutes.not_heard_us:
            heard.append(f"{length(minutes.not_heard_us)} not heard")
        verdict = " It missed what was due." if severity == "alarm" else ""
        text = f"{show.name} has ended after {length(show.end_us - show.start_us)}: {', '.join(heard)}.{verdict}"
        return Finding("cleared", severity, show.start_us, text, _values(show, ledger, reading))


def count(ledger: Ledger, from_us: int, to_us: int) -> Minutes:
    """What was heard in [from_us, to_us); the genres by length, the longest first."""
    genres: dict[str, int] = {}
    uncertain_us = 0
    for span in ledger.within(from_us, to_us):
        lasts_us = span.end_us - span.start_us
        if span.judged and span.genre is not None:
            genres[span.genre] = genres.get(span.genre, 0) + lasts_us
        elif span.judged:
            uncertain_us += lasts_us
    ordered = dict(sorted(genres.items(), key=lambda item: (-item[1], item[0])))
    return Minutes(ordered, uncertain_us, to_us - from_us - sum(genres.values()) - uncertain_us)


def _quota(show: Show, at_least: float) -> ShowQuota:
    return ShowQuota(show.genres, at_least, show.start_us, show.end_us)


def _values(show: Show, ledger: Ledger, reading: Reading | None = None) -> dict[str, Any]:
    until_us = max(show.start_us, min(ledger.now_us, show.end_us))
    minutes = count(ledger, show.start_us, until_us)
    values: dict[str, Any] = {
        "show": show.name,
        "start": iso(show.start_us),
        "end": iso(show.end_us),
        "genres": sorted(show.genres),
        "at_least": show.at_least,
        "heard_s": {genre: in_seconds(us) for genre, us in minutes.genres.items()},
        "uncertain_s": in_seconds(minutes.uncertain_us),
        "not_heard_s": in_seconds(minutes.not_heard_us),
    }
    if reading is not None:
        values |= {
            "share": round(reading.share, 4),
            "share_at_most": round(reading.most, 4),
            "latest": None if reading.latest_us is None else iso(reading.latest_us),
            "missed": reading.missed,
        }
    return values


def show_of(notice: NoticeEvent) -> Show:
    """The show of a notice, which may be an earlier run's: the schedule may have changed since.

    Raises:
        ValueError, KeyError, TypeError: it is none of ours.
    """
    values = notice.values
    end = datetime.fromisoformat(str(values["end"]))
    end_us = (end - datetime.fromisoformat("1970-01-01T00:00:00+00:00")) // timedelta(microseconds=1)
    genres, at_least = frozenset(map(str, values["genres"])), values["at_least"]
    return Show(str(values["show"]), notice.since_us, end_us, genres, None if at_least is None else float(at_least))


def _listed(genres: frozenset[str]) -> str:
    return " or ".join(sorted(genres))
