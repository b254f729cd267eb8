"""Two tellings of the same time, beside each other: how long each says what, and how much of it is told otherwise."""

from collections import Counter
from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from ccmusicd.publish.rows import SegmentRow

_US_PER_MINUTE = 60_000_000


class Comparison:
    """Adds up, in microseconds, what the rows say that go by.

    `before` and `after` are by genre, or kind where there is none; `both` is the time that both told, `changed` the
    part of it that they told differently.
    """

    def __init__(self) -> None:
        self.before: Counter[str] = Counter()
        self.after: Counter[str] = Counter()
        self.both = self.changed = 0

    def of(self, before: Iterator[SegmentRow], after: Iterator[SegmentRow]) -> Iterator[SegmentRow]:
        """The rows of `after`, compared as they go by; both of one station, in order, without overlap."""
        old = next(before, None)
        for new in after:
            self.after[_said(new)] += new.end_us - new.start_us
            while old is not None and old.start_us < new.end_us:
                shared = max(0, min(old.end_us, new.end_us) - max(old.start_us, new.start_us))
                self.both += shared
                self.changed += shared if _said(old) != _said(new) else 0
                if old.end_us > new.end_us:
                    break
                old = self._next(old, before)
            yield new
        while old is not None:
            old = self._next(old, before)

    def _next(self, old: SegmentRow, before: Iterator[SegmentRow]) -> SegmentRow | None:
        self.before[_said(old)] += old.end_us - old.start_us
        return next(before, None)

    def print(self, console: Console) -> None:
        """A table of minutes, and a sentence."""
        table = Table(box=None, header_style="bold")
        table.add_column("")
        for title in ("before", "now", "difference"):
            table.add_column(f"{title}, min", justify="right")
        for said in sorted({*self.before, *self.after}, key=lambda one: -max(self.before[one], self.after[one])):
            minutes = [self.before[said] / _US_PER_MINUTE, self.after[said] / _US_PER_MINUTE]
            table.add_row(said, *(f"{one:.1f}" for one in minutes), f"{minutes[1] - minutes[0]:+.1f}")
        console.print(table)
        if self.both:
            minutes_both = self.both / _US_PER_MINUTE
            share = 100 * self.changed / self.both
            console.print(f"{share:.1f} % of {minutes_both:.1f} minutes are told otherwise.", highlight=False)
        else:
            console.print("The record tells nothing of this time: there is nothing to compare with.", highlight=False)


def _said(row: SegmentRow) -> str:
    return row.genre or row.kind.replace("_", " ")
