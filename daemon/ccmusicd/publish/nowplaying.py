"""What is playing, in a file of one text for OBS and encoders: written as a whole, when it changes."""

import asyncio
import logging
import re
import string
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ccmusicd.crew import Crew
from ccmusicd.events import StatusEvent
from ccmusicd.hub import Hub
from ccmusicd.wholefile import write_whole

_log = logging.getLogger(__name__)

FIELDS: Mapping[str, str | float] = {
    "title": "Artist - Title",
    "genre": "Jazz",
    "genre_zh": "爵士",
    "slug": "jazz",
    "probability": 0.87,
    "state": "music",
    "show": "Jazz at Nine",
    "station": "Studio A",
}
"""What a template may name, with examples."""

_SPEC = re.compile(r"([<>^]?\d{0,3})(\.\d{1,2})?[sf%]?")
_BIDI = set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_MAX_TEXT = 4_096
_RETRY_S = 10.0
_INBOX_CAPACITY = 64


class Template:
    """A text with fields of `FIELDS` in braces, as `str.format` writes them: {title}, {probability:.0%}.

    Raises:
        ValueError: it cannot be read, or names what is no such field; attributes, places and conversions are none.
    """

    def __init__(self, text: str) -> None:
        known = ", ".join(f"{{{name}}}" for name in FIELDS)
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError as error:
            raise ValueError(f"is no template: {error}") from None
        for _, name, spec, conversion in parts:
            if name is None:
                continue
            if name not in FIELDS:
                raise ValueError(f"{{{name}}} is no field; known are {known}")
            if conversion or not _SPEC.fullmatch(spec or ""):
                raise ValueError(
                    f"{{{name}}} is written {':' + spec if spec else '!' + str(conversion)}, which is none"
                )
        self._text = text
        try:
            self.fill(FIELDS)
        except ValueError as error:
            raise ValueError(f"is no template: {error}") from None

    def fill(self, values: Mapping[str, str | float]) -> str:
        """The text with these values, of at most 4,096 characters."""
        return self._text.format_map(values)[:_MAX_TEXT]


@dataclass(frozen=True, slots=True)
class NowPlayingFile:
    """Where one station's text goes, and how it is made: by `template`, or by `without_title` where there is none."""

    path: Path
    template: Template
    without_title: Template


class NowPlaying:
    """Writes the files of several stations; a file that cannot be written is tried again, and holds nothing else up."""

    def __init__(self, hub: Hub, files: Mapping[str, NowPlayingFile]) -> None:
        self._hub = hub
        self._files = dict(files)
        self._crew = Crew()
        self._written: dict[str, str] = {}
        self._trouble: dict[str, str] = {}

    async def run(self) -> None:
        """Write for ever, each station by itself; at the end each file is empty, since nobody knows what plays then."""
        for station in self._files:
            self._crew.start(station, self._follow(station))
        await self._crew.working()

    async def apply(self, files: Mapping[str, NowPlayingFile]) -> None:
        """Write these from now on, while `run` runs; a file that is no longer written is emptied."""
        before, self._files = self._files, dict(files)
        await self._crew.stop(*(station for station, file in before.items() if files.get(station) is not file))
        for station, file in files.items():
            if before.get(station) is not file:
                self._written.pop(station, None)
                self._crew.start(station, self._follow(station))

    def text(self, station: str) -> str:
        """What the station's file should hold now."""
        latest = self._hub.latest[station]
        status, hop, file = latest.status, latest.hop, self._files[station]
        if status is None or status.state in {"no_signal", "paused"}:
            return ""
        genre = hop.genre if hop is not None and status.state in {"music", "speech"} else None
        label = next((label for label in self._hub.about.labels if label.slug == genre), None)
        shows = [str(notice.values["show"]) for notice in latest.notices.values() if notice.kind == "show"]
        values: dict[str, str | float] = {
            "title": one_line(status.title or ""),
            "genre": label.en if label else "",
            "genre_zh": label.zh if label else "",
            "slug": genre or "",
            "probability": (hop.probability or 0.0) if hop is not None and genre else 0.0,
            "state": status.state,
            "show": one_line(shows[0]) if shows else "",
            "station": one_line(self._name(station)),
        }
        return (file.template if values["title"] else file.without_title).fill(values)

    def _name(self, station: str) -> str:
        return next(known.name for known in self._hub.about.stations if known.id == station)

    async def _follow(self, station: str) -> None:
        inbox = self._hub.subscribe(("status",), stations=[station], capacity=_INBOX_CAPACITY)
        path = self._files[station].path
        try:
            while True:
                event = await inbox.get()
                inbox.drain()
                known = station in self._hub.latest
                if known and isinstance(event, StatusEvent) and not await self._write(station, self.text(station)):
                    await asyncio.sleep(_RETRY_S)
        finally:
            self._hub.unsubscribe(inbox)
            if self._written.get(station):
                try:
                    write_text(path, "")
                except OSError as error:
                    _log.warning("%s: %s cannot be emptied: %s", station, path, error)

    async def _write(self, station: str, text: str) -> bool:
        if text == self._written.get(station):
            return True
        path = self._files[station].path
        writing = asyncio.create_task(asyncio.to_thread(write_text, path, text))
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait({writing}, timeout=1.0)  # what is written last shall be the last that is written
            self._written[station] = text
            raise
        except OSError as error:
            why = error.strerror or str(error)
            if self._trouble.get(station) != why:
                _log.warning("%s: %s cannot be written (%s); trying again", station, path, why)
            self._trouble[station] = why
            return False
        if self._trouble.pop(station, None) is not None:
            _log.info("%s: %s is written again", station, path)
        self._written[station] = text
        return True


def one_line(text: str) -> str:
    """A stranger's text fit for one line: no control characters, single spaces."""
    plain = "".join(
        " " if unicodedata.category(char) in {"Cc", "Zl", "Zp", "Cs"} or char in _BIDI else char for char in text
    )
    return " ".join(plain.split())


def write_text(path: Path, text: str) -> None:
    """Replace the file's text, readable for other users' programs. Raises `OSError`."""
    write_whole(path, f"{text}\n".encode() if text else b"", mode=0o644)
