"""The daemon's log on standard error: with priorities for systemd's journal, with times for people at a terminal.

No secret leaves it, as far as secrets are known by their form; a warning or an error that repeats is summed up.
"""

import logging
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TextIO

from ccmusicd.capture.spec import redact

SUMMED_UP_S = 600.0
"""A fault that repeats is told once, and then how often it was within so many seconds."""

_MOST_REMEMBERED = 256

_PRIORITIES = ((logging.CRITICAL, 2), (logging.ERROR, 3), (logging.WARNING, 4), (logging.INFO, 6))
"""Of syslog, as `sd-daemon(3)` has them before a line."""


def log_to(stream: TextIO, level: str, environ: Mapping[str, str] = os.environ) -> None:
    """Let everything that is logged go to `stream`, at `level` and above: "debug", "info", "warning" or "error"."""
    handler = SummingHandler(stream)
    handler.setFormatter(JournalFormatter() if is_journal(stream, environ) else PeoplesFormatter())
    logging.basicConfig(force=True, level=level.upper(), handlers=[handler])


def log_to_stderr(level: str) -> None:
    """`log_to` standard error."""
    log_to(sys.stderr, level)


def tell_repeats() -> None:
    """Write what was held back for long enough; to be called now and then."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, SummingHandler):
            handler.tell_repeats()


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream is the one that systemd connected to the journal: JOURNAL_STREAM has its device and inode.

    A shell in between hands the variable down with another stream.
    """
    try:
        found = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


class PeoplesFormatter(logging.Formatter):
    """A line with time and level."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The record without secrets."""
        return redact(super().format(record))


class JournalFormatter(logging.Formatter):
    """A line with its priority; the journal has the time, and takes every further line for a message of its own."""

    def __init__(self) -> None:
        super().__init__("%(message)s")

    def format(self, record: logging.LogRecord) -> str:
        """The record without secrets, the priority before each of its lines."""
        priority = next((number for level, number in _PRIORITIES if record.levelno >= level), 7)
        return "\n".join(f"<{priority}>{line}" for line in redact(super().format(record)).splitlines() or [""])


@dataclass(slots=True)
class _Repeated:
    """A fault that was told at `told_at` and came `untold` times since; `last` is the newest of them."""

    told_at: float
    untold: int
    last: logging.LogRecord


class SummingHandler(logging.StreamHandler[TextIO]):
    """Writes a warning or an error once; what differs from it in numbers alone is counted, and told every ten minutes.

    Of more than 256 different ones the oldest are forgotten.
    """

    def __init__(self, stream: TextIO, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__(stream)
        self._monotonic = monotonic
        self._known: OrderedDict[object, _Repeated] = OrderedDict()

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record, or count it."""
        self.tell_repeats()
        if record.levelno < logging.WARNING:
            super().emit(record)
            return
        key = _what_it_says(record)
        repeated = self._known.get(key)
        if repeated is not None:
            repeated.untold += 1
            repeated.last = record
            return
        self._known[key] = _Repeated(self._monotonic(), 0, record)
        if len(self._known) > _MOST_REMEMBERED:
            self._sum_up(self._known.popitem(last=False)[1])
        super().emit(record)

    def tell_repeats(self) -> None:
        """Write what was counted for ten minutes; a fault that did not come again is forgotten, and told anew then."""
        self.acquire()
        try:
            due = self._monotonic() - SUMMED_UP_S
            for key, repeated in list(self._known.items()):
                if repeated.told_at <= due:
                    del self._known[key]
                    if self._sum_up(repeated):
                        self._known[key] = _Repeated(self._monotonic(), 0, repeated.last)
        finally:
            self.release()

    def close(self) -> None:
        """Write all that was counted."""
        while self._known:
            self._sum_up(self._known.popitem(last=False)[1])
        super().close()

    def _sum_up(self, repeated: _Repeated) -> bool:
        if not repeated.untold:
            return False
        minutes = max(1, round((self._monotonic() - repeated.told_at) / 60))
        last, times = repeated.last, "once" if repeated.untold == 1 else f"{repeated.untold} times"
        lately = "minute" if minutes == 1 else f"{minutes} minutes"
        text = f"{last.getMessage()} (… {times} more in the last {lately})"
        super().emit(logging.LogRecord(last.name, last.levelno, last.pathname, last.lineno, text, None, None))
        return True


def _what_it_says(record: logging.LogRecord) -> object:
    """The same for two records that differ in numbers alone."""
    args = record.args if isinstance(record.args, tuple) else (record.args,)
    words = tuple("#" if isinstance(arg, int | float) else str(arg) for arg in args)
    return record.name, record.levelno, record.msg, words
