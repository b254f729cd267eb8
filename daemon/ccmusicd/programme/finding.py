"""What a check finds in a ledger, and how its sentences write times, shares and lengths."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Protocol

from ccmusicd.events import NoticeChange, NoticeEvent, NoticeKind, Severity
from ccmusicd.programme.ledger import Ledger

SECOND_US = 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Finding:
    """A change that is to be told; the fields are those of `NoticeEvent`."""

    change: NoticeChange
    severity: Severity
    since_us: int
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


class Check(Protocol):
    """Looked at again and again. All that it remembers is the notice that holds, so that it may be restarted."""

    @property
    def kind(self) -> NoticeKind:
        """Of its notices."""

    @property
    def name(self) -> str:
        """Of its notices."""

    def look(self, ledger: Ledger, active: NoticeEvent | None) -> Finding | None:
        """What changes, when `active` is its notice that holds; None when nothing does."""


def local(us: int, zone: tzinfo) -> datetime:
    """UTC microseconds as a moment in `zone`."""
    return (_EPOCH + timedelta(microseconds=us)).astimezone(zone)


def clock(us: int, zone: tzinfo) -> str:
    """A time of day with seconds in `zone`: "21:04:10"."""
    return f"{local(us, zone):%H:%M:%S}"


def length(us: int) -> str:
    """A length of time: "45 s", "12 min", "2 h 5 min"."""
    seconds = round(us / SECOND_US)
    if seconds < 120:
        return f"{seconds} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def percent(share: float) -> str:
    """A share with a decimal where it has one: "40 %", "37.5 %"."""
    return f"{round(100 * share, 1):g} %"


def in_seconds(us: int) -> float:
    """Microseconds as seconds, for values."""
    return round(us / SECOND_US, 3)
