"""The report of a day: one HTML page that needs nothing else, no script, no font, no network.

Everything that came from elsewhere (titles, names, notes) is escaped and kept to its own line and direction of writing.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from pathlib import Path

from ccmusicd.export.day import (
    INTERRUPTIONS,
    MOST_CLOCK_STEPS,
    MOST_TITLES,
    Category,
    Slot,
    StationDay,
    Stretch,
    apportion,
)
from ccmusicd.export.dayplot import day_plot
from ccmusicd.export.swatches import Swatch, definitions, swatches
from ccmusicd.export.text import one_line
from ccmusicd.export.times import at

MOST_INTERRUPTIONS = 500
"""Interruptions listed of a day: the longest; the others are counted."""

_HOUR_US = 3_600_000_000
_SECOND_US = 1_000_000
_COLUMNS = (("Time", ""), ("Share", ""), ("Stretches", " spare"), ("Longest", " spare"), ("Sure", ""))
"""Of the sums; a phone has no room for the spare ones."""

_TILES = {
    "music": "Music",
    "speech": "Speech",
    "silence": "Silence",
    "no_signal": "Lost signal",
    "down": "Daemon down",
    "not_recorded": "Not recorded",
}


def report_lines(days: Sequence[StationDay], now_us: int) -> Iterator[str]:
    """The page, a section for each station's day, line by line with their ends."""
    looks = swatches(category for day in days for category in day.totals())
    title = escape(f"{', '.join(one_line(day.name) for day in days) or 'No station'}, {_dates(days)}")
    yield "<!doctype html>\n"
    yield f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    # Whatever a title might smuggle in: the page may load nothing and run nothing.
    yield "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    yield f"<style>\n{_style()}</style></head><body>\n"
    yield f'<svg width="0" height="0" class="definitions" aria-hidden="true"><defs>{definitions(looks.values())}'
    yield "</defs></svg>\n"
    for day in days:
        yield from _section(day, looks, now_us)
    yield "</body></html>\n"


def clock(us: int) -> str:
    """A length as h:mm:ss, rounded to the second; below a minute with tenths, as 4.2 s."""
    if us < 60 * _SECOND_US - 50_000:
        return f"{us / _SECOND_US:.1f} s"
    return hms(round(us / _SECOND_US))


def hms(seconds: int) -> str:
    """Whole seconds as h:mm:ss."""
    return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


@cache
def _style() -> str:
    return Path(__file__).with_name("report.css").read_text(encoding="utf-8")


def _dates(days: Sequence[StationDay]) -> str:
    return f"{days[0].day:%A %-d %B %Y}" if days else "no day"


def _section(day: StationDay, looks: Mapping[Category, Swatch], now_us: int) -> Iterator[str]:
    totals = day.totals()
    shown_s = apportion(totals, round(day.us / _SECOND_US))
    yield "<main>\n"
    yield f"<header><p>{escape(f'{day.day:%A %-d %B %Y}')}</p><h1>{_words(day.name)}</h1>\n"
    yield f"<p>{escape(_about(day, now_us))}</p></header>\n"
    yield from _untrained(day)
    yield from _tiles(totals, shown_s)
    yield "<section><h2>Through the day</h2>\n"
    yield '<div class="chart"><div class="scale"><span>100&nbsp;%</span><span>50</span><span>0</span></div>'
    yield f"<div>{day_plot(day, looks)}</div></div>\n"
    entries = "".join(_entry(category, looks) for category in totals if category.kind != "to_come")
    yield f'<ul class="legend">{entries}</ul></section>\n'
    yield from _sums(day, shown_s, looks)
    yield from _by_hour(day, totals, looks)
    yield from _interruptions(day, looks)
    yield from _clock_steps(day)
    yield from _titles(day)
    yield "</main>\n"


def _about(day: StationDay, now_us: int) -> str:
    """The zone, the length where it is no usual one, and when the page was made."""
    first, last = at(day.start_us, day.zone), at(day.end_us - 1, day.zone)
    offsets = " to ".join(dict.fromkeys(f"UTC{moment.isoformat()[-6:]}" for moment in (first, last)))
    zone = getattr(day.zone, "key", None) or "local time"
    words = [f"{zone}, {offsets}"]
    if day.us != 24 * _HOUR_US:
        words.append(f"a day of {day.us / _HOUR_US:g} hours, as clocks change")
    words.append(f"written {at(now_us, day.zone):%Y-%m-%d %H:%M:%S}")
    return " · ".join(words)


def _untrained(day: StationDay) -> Iterator[str]:
    us = sum(one.us for one in day.stretches if not one.trained and one.category.kind in {"music", "speech"})
    if us:
        yield (
            f'<p class="notice"><b>Random weights.</b> For {clock(us)} of this day the networks were not trained: '
            "the genres of that time mean nothing.</p>\n"
        )


def _tiles(totals: Mapping[Category, int], shown_s: Mapping[Category, int]) -> Iterator[str]:
    """The answers that one looks for first; in the seconds of the sums."""
    whole_us = sum(totals.values())
    yield '<ul class="tiles">'
    for kind, words in _TILES.items():
        us = sum(us for category, us in totals.items() if category.kind == kind)
        if kind == "not_recorded" and not us:
            continue
        mark = ' class="trouble"' if us and kind not in {"music", "speech"} else ""
        length = hms(sum(seconds for category, seconds in shown_s.items() if category.kind == kind)) if us else "none"
        yield f"<li{mark}><span>{words}</span><b>{length}</b><span>{_percent(us, whole_us)}</span></li>"
    yield "</ul>\n"


def _entry(category: Category, looks: Mapping[Category, Swatch]) -> str:
    return f"<li>{_swatch(category, looks)}{_words(category.name)}</li>"


def _swatch(category: Category, looks: Mapping[Category, Swatch]) -> str:
    return (
        f'<svg class="swatch" width="22" height="14" aria-hidden="true"><rect width="22" height="14" '
        f'fill="url(#{looks[category].id})"/></svg>'
    )


def _sums(day: StationDay, shown_s: Mapping[Category, int], looks: Mapping[Category, Swatch]) -> Iterator[str]:
    """Every category's time; whole seconds and tenths of a percent that add up to the day's."""
    totals = day.totals()
    shown_tenths = apportion(totals, 1000)
    yield '<section><h2>Sums</h2><div class="scroll"><table class="sums"><thead><tr><th scope="col">What</th>'
    yield "".join(f'<th scope="col" class="number{kind}">{word}</th>' for word, kind in _COLUMNS)
    yield "</tr></thead><tbody>\n"
    for category in totals:
        own = [stretch for stretch in day.stretches if stretch.category == category]
        cells = (
            hms(shown_s[category]),
            f"{shown_tenths[category] / 10:.1f} %",
            f"{len(own):,}",
            clock(max(stretch.us for stretch in own)),
            _mean(own),
        )
        yield f'<tr><th scope="row">{_swatch(category, looks)}{_words(category.name)}</th>'
        yield "".join(f'<td class="number{kind}">{cell}</td>' for cell, (_, kind) in zip(cells, _COLUMNS, strict=True))
        yield "</tr>\n"
    yield f'</tbody><tfoot><tr><th scope="row">The day</th><td class="number">{hms(sum(shown_s.values()))}</td>'
    yield f'<td class="number">{sum(shown_tenths.values()) / 10:.1f} %</td>'
    yield f'<td class="number spare">{len(day.stretches):,}</td><td class="spare"></td><td></td></tr></tfoot></table>'
    yield "</div>\n"
    yield '<p class="small">Sure: the mean probability that the networks gave. Times are rounded so that '
    yield "they add up to the day.</p></section>\n"


def _mean(stretches: Iterable[Stretch]) -> str:
    """The mean probability, weighted by time; empty without one."""
    known = [(stretch.probability, stretch.us) for stretch in stretches if stretch.probability is not None]
    weight = sum(us for _, us in known)
    return f"{100 * sum(probability * us for probability, us in known) / weight:.0f} %" if weight else ""


def _by_hour(day: StationDay, totals: Mapping[Category, int], looks: Mapping[Category, Swatch]) -> Iterator[str]:
    slots = list(day.slots(_HOUR_US))
    yield '<section><h2>Share of each hour, in percent</h2><div class="scroll"><table class="hours"><thead><tr>'
    yield '<th scope="col">What</th>' + "".join(f'<th scope="col">{name}</th>' for name in _hour_names(day, slots))
    yield "</tr></thead><tbody>\n"
    for category in totals:
        if category.kind == "to_come":
            continue
        yield f'<tr><th scope="row">{_swatch(category, looks)}{_words(category.name)}</th>'
        yield "".join(_cell(slot, category) for slot in slots) + "</tr>\n"
    yield "</tbody></table></div></section>\n"


def _hour_names(day: StationDay, slots: Iterable[Slot]) -> Iterator[str]:
    """The hours of the clock; one that comes a second time as 02B, one that begins elsewhere with its minutes."""
    seen: set[str] = set()
    for slot in slots:
        begin = at(slot.start_us, day.zone)
        name = f"{begin:%H}" if begin.minute == 0 else f"{begin:%H:%M}"
        yield name + ("B" if name in seen else "")
        seen.add(name)


def _cell(slot: Slot, category: Category) -> str:
    share = slot.held.get(category, 0) / (slot.end_us - slot.start_us)
    if not share:
        return "<td></td>"
    text = "&lt;1" if share < 0.005 else f"{100 * share:.0f}"
    return f'<td class="s{min(4, int(5 * share))}">{text}</td>'


def _interruptions(day: StationDay, looks: Mapping[Category, Swatch]) -> Iterator[str]:
    """Silence, lost signal, pauses and what was down, each with its begin and length."""
    found = [stretch for stretch in day.stretches if stretch.category.kind in INTERRUPTIONS]
    yield "<section><h2>Silence, lost signal, down</h2>\n"
    if not found:
        yield "<p>None: there was sound all day.</p></section>\n"
        return
    listed = sorted(sorted(found, key=lambda one: -one.us)[:MOST_INTERRUPTIONS], key=lambda one: one.start_us)
    yield '<div class="scroll"><table class="list"><thead><tr><th scope="col" class="short">From</th>'
    yield '<th scope="col" class="short">To</th><th scope="col" class="short number">Length</th>'
    yield '<th scope="col">What</th></tr></thead><tbody>\n'
    for stretch in listed:
        note = f" ({stretch.note})" if stretch.note else ""
        end = "still" if stretch.open else _time(day, stretch.end_us)
        yield f'<tr><td class="short">{_time(day, stretch.start_us)}</td><td class="short">{end}</td>'
        yield f'<td class="short number">{clock(stretch.us)}</td>'
        words = stretch.category.name + note + _cut(stretch)
        yield f"<td>{_swatch(stretch.category, looks)}{_words(words)}</td></tr>\n"
    yield "</tbody></table></div>\n"
    left_out = len(found) - len(listed)
    if left_out:
        rest = sum(one.us for one in found) - sum(one.us for one in listed)
        yield f'<p class="small">The longest; {left_out:,} shorter ones, {clock(rest)} in all, are left out.</p>\n'
    yield "</section>\n"


def _cut(stretch: Stretch) -> str:
    began = ", since the day before" if stretch.cut_start else ""
    return began + (", into the next day" if stretch.cut_end else "")


def _clock_steps(day: StationDay) -> Iterator[str]:
    """When the system clock was set; most days have nothing of it."""
    if not day.clock_steps:
        return
    yield "<section><h2>System clock set</h2>\n"
    yield '<div class="scroll"><table class="list"><thead><tr><th scope="col" class="short">From</th>'
    yield '<th scope="col" class="short">To</th><th scope="col" class="number">By</th></tr></thead><tbody>\n'
    for us, step_s in day.clock_steps:
        before, after = _dated_time(day, us - round(step_s * _SECOND_US)), _dated_time(day, us)
        yield f'<tr><td class="short">{before}</td><td class="short">{after}</td>'
        yield f'<td class="number">{step_s:+,.1f} s</td></tr>\n'
    yield "</tbody></table></div>\n"
    if day.more_clock_steps:
        yield f'<p class="small">The first {MOST_CLOCK_STEPS} of the day; there were more.</p>\n'
    yield '<p class="small">Time that the clock skipped is told as what was on air when it was set; '
    yield "time that it showed twice is told once.</p></section>\n"


def _titles(day: StationDay) -> Iterator[str]:
    yield "<section><h2>Titles heard</h2>\n"
    if not day.titles:
        yield "<p>None: the source named nothing that it played.</p></section>\n"
        return
    starts = [stretch.start_us for stretch in day.stretches]
    yield '<div class="scroll"><table class="list"><thead><tr><th scope="col" class="short">From</th>'
    yield '<th scope="col">Title</th><th scope="col">Heard as</th></tr></thead><tbody>\n'
    for us, title in day.titles:
        stretch = day.stretches[max(0, bisect_right(starts, us) - 1)]
        heard = stretch.category.name
        yield f'<tr><td class="short">{_time(day, us)}</td><td>{_words(title)}</td><td>{_words(heard)}</td></tr>\n'
    yield "</tbody></table></div>\n"
    if day.more_titles:
        yield f'<p class="small">The first {MOST_TITLES:,} of the day; there were more.</p>\n'
    yield "</section>\n"


def _time(day: StationDay, us: int) -> str:
    """The time of day; with its offset on days on which a clock shows a time twice, and 24:00:00 at the end."""
    if us == day.end_us:
        return "24:00:00"
    moment = at(us, day.zone)
    offset = f" {moment:%z}" if day.us != 24 * _HOUR_US else ""
    return f"{moment:%H:%M:%S}{offset}"


def _dated_time(day: StationDay, us: int) -> str:
    """The time of day, with its date where it is another day's."""
    if day.start_us <= us < day.end_us:
        return _time(day, us)
    return f"{at(us, day.zone):%Y-%m-%d %H:%M:%S}"


def _percent(us: int, whole_us: int) -> str:
    share = 100 * us / whole_us
    return "&lt;0.1 %" if 0 < share < 0.05 else f"{share:.1f} %"


def _words(text: str) -> str:
    """Text of elsewhere: on one line, escaped, and with a direction of writing of its own."""
    return f"<bdi>{escape(one_line(text))}</bdi>"
