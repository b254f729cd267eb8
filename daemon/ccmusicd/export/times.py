"""Times as people write them, in a time zone: dates, moments, "yesterday", "-24h"; and as exports write them."""

import os
import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ccmusicd.export.errors import ExportError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_LOCAL = Path("/etc/localtime")
_FORMS = "a date (2026-05-01), a moment (2026-05-01T14:30), now, today, yesterday, or a time ago (-90m, -24h, -7d)"


def zone_of(name: str | None) -> tzinfo:
    """The time zone by its IANA name, as Europe/Berlin; None is the machine's ($TZ, else /etc/localtime, else UTC).

    Raises:
        ExportError: there is no such zone here.
    """
    given = name if name is not None else os.environ.get("TZ", "").removeprefix(":")
    if not given and name is None:
        try:
            with _LOCAL.open("rb") as file:
                return ZoneInfo.from_file(file, key=_local_key())
        except (OSError, ValueError):
            return UTC
    try:
        return ZoneInfo(given)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # unknown, outside of the data's folder, a folder in it
        where = "" if name is not None else " of $TZ"
        raise ExportError(f"there is no time zone {given!r}{where}; zones are named as in Europe/Berlin") from None


def moment(text: str, zone: tzinfo, now_us: int) -> int:
    """UTC microseconds of a time as people write it; a day means its beginning in `zone`.

    A time ago counts elapsed time: -24h is 24 hours also where clocks change.

    Raises:
        ExportError: it is no time, or does not exist or comes twice in `zone`.
    """
    words = text.strip()
    if words.lower() == "now":
        return now_us
    ago = re.fullmatch(r"-(\d{1,9})\s*([smhdw])", words)
    try:
        us = _ago_us(now_us, ago) if ago is not None else _named_us(words, zone, now_us)
        at(us, zone)  # the first and the last hours of the calendar are none in every zone
    except (OverflowError, ValueError):
        raise ExportError(f"{text!r} is no time; times are {_FORMS}") from None
    return us


def day(text: str, zone: tzinfo, now_us: int) -> date:
    """The day that `text` names: a date, today or yesterday. Raises `ExportError` when it is none."""
    try:
        found = _day(text.strip(), zone, now_us)
    except (OverflowError, ValueError):
        found = None
    if found is None:
        raise ExportError(f"{text!r} is no day; days are a date (2026-05-01), today or yesterday")
    return found


def day_range(day: date, zone: tzinfo) -> tuple[int, int]:
    """[start, end) of a day in UTC microseconds: 24 hours, or another length where clocks change.

    Raises:
        ExportError: the zone has no such day.
    """
    try:
        start_us, end_us = (_midnight(one, zone) for one in (day, day + timedelta(days=1)))
    except OverflowError:
        raise ExportError(f"{day} is too far away") from None
    if end_us <= start_us:
        raise ExportError(f"there is no {day} in {zone}: its clocks leapt over it")
    return start_us, end_us


def at(us: int, zone: tzinfo) -> datetime:
    """UTC microseconds as a moment in `zone`."""
    return (_EPOCH + timedelta(microseconds=us)).astimezone(zone)


def utc_us(moment: datetime) -> int:
    """An aware moment as UTC microseconds."""
    return (moment.astimezone(UTC) - _EPOCH) // _MICROSECOND


def iso(us: int, zone: tzinfo) -> str:
    """UTC microseconds as ISO 8601 in `zone` with its offset, to the microsecond."""
    return at(us, zone).isoformat(timespec="microseconds")


def seconds(us: int) -> str:
    """Microseconds as decimal seconds, exactly: "-0.250000"."""
    whole, rest = divmod(abs(us), 1_000_000)
    return f"{'-' if us < 0 else ''}{whole}.{rest:06d}"


def _local_key() -> str | None:
    """The name of the machine's zone, where /etc/localtime is a link that tells it."""
    target = str(_LOCAL.resolve())
    return target.partition("/zoneinfo/")[2] or None


def _ago_us(now_us: int, ago: "re.Match[str]") -> int:
    return utc_us(at(now_us, UTC) - timedelta(seconds=int(ago[1]) * _UNITS[ago[2]]))


def _named_us(words: str, zone: tzinfo, now_us: int) -> int:
    found = _day(words, zone, now_us)
    return day_range(found, zone)[0] if found is not None else _clock(words, zone)


def _day(words: str, zone: tzinfo, now_us: int) -> date | None:
    """The day, when it is one; `ValueError` when it looks like one and is none."""
    today = at(now_us, zone).date()
    if words.lower() in {"today", "yesterday"}:
        return today if words.lower() == "today" else today - timedelta(days=1)
    return date.fromisoformat(words) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", words) else None


def _midnight(day: date, zone: tzinfo) -> int:
    """The first moment of a day; where clocks leap over midnight, the moment of the leap."""
    return utc_us(datetime(day.year, day.month, day.day, tzinfo=zone))


def _clock(words: str, zone: tzinfo) -> int:
    """A date and a time of day, with or without an offset."""
    if not re.match(r"\d{4}-\d{2}-\d{2}[T ]", words):
        raise ValueError(words)
    found = datetime.fromisoformat(words)
    if found.tzinfo is not None:
        return utc_us(found)
    either = [found.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    first, second = (utc_us(one) for one in either)
    if first == second:
        return first
    if at(first, zone).replace(tzinfo=None) != found:
        raise ExportError(f"there is no {words} in {zone}: clocks leap over it")
    offsets = " or ".join(one.isoformat()[-6:] for one in either)
    raise ExportError(f"{words} comes twice in {zone}, as clocks go back: say which by its offset, {offsets}")
