"""The tables of the configuration about the programme: dead air, shows, quotas, hooks, what is playing."""

import re
from datetime import time
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, ValidationInfo, field_validator, model_validator

from ccmusic_stream.errors import CcmusicError
from ccmusicd.export.times import zone_of
from ccmusicd.hooks.rule import PLACEHOLDERS, Source
from ccmusicd.publish.nowplaying import Template
from ccmusicd.tables import NotNegative, PathText, Table

Day = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
Name = Annotated[str, Field(min_length=1, max_length=120)]
Genres = Annotated[list[Name], Field(min_length=1)]
Share = Annotated[float, Field(gt=0, le=1)]

_LEAST_CLEAR_S = 3.0
"""Lost signal is noticed after 2 s: until then a start looks like sound."""


class DeadAirSettings(Table):
    """[dead_air] and [stations.<id>.dead_air]. `after_s` 0 is never."""

    after_s: NotNegative
    clear_after_s: Annotated[float, Field(ge=_LEAST_CLEAR_S)] = 10.0


class NoticesSettings(Table):
    """[notices]."""

    down_after_s: NotNegative


class ShowSettings(Table):
    """[[stations.<id>.programme.shows]]."""

    name: Name
    days: Annotated[list[Day], Field(min_length=1)]
    start: str
    end: str
    genres: list[Name] = Field(default_factory=list)
    at_least: Share | None = None

    @field_validator("start", "end")
    @classmethod
    def _time_of_day(cls, text: str) -> str:
        clock(text)
        return text

    @field_validator("at_least")
    @classmethod
    def _of_genres(cls, share: float | None, info: ValidationInfo) -> float | None:
        if share is not None and not info.data.get("genres"):
            raise ValueError("is a share of genres, but the show has none")
        return share


class QuotaSettings(Table):
    """[[stations.<id>.programme.quotas]]."""

    genres: Genres
    at_least: Annotated[float, Field(gt=0, lt=1)] | None = None
    at_most: Annotated[float, Field(gt=0, lt=1)] | None = None
    window_s: Annotated[float, Field(ge=60, le=86_400)] = 3_600.0
    warn_before_s: NotNegative = 300.0
    clear_margin_s: NotNegative = 60.0

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("needs at_least or at_most")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least ({self.at_least:g}) must not be above at_most ({self.at_most:g})")
        widest_s = min(
            self.window_s * (1 - self.at_least) if self.at_least is not None else self.window_s,
            self.window_s * self.at_most if self.at_most is not None else self.window_s,
        )
        if self.warn_before_s + self.clear_margin_s >= widest_s:
            raise ValueError(
                f"warn_before_s and clear_margin_s together must be less than {widest_s:g} s, the most that such a "
                "quota can be ahead; else its warning never ends"
            )
        return self


class DeclaredSettings(Table):
    """[stations.<id>.programme.declared]."""

    over_s: Annotated[float, Field(ge=60, le=21_600)] = 900.0
    at_least: Share = 0.5


class ProgrammeSettings(Table):
    """[stations.<id>.programme]."""

    timezone: str | None = None
    calendar: PathText = ""
    show_at_least: Share | None = None
    warn_before_s: NotNegative = 300.0
    shows: list[ShowSettings] = Field(default_factory=list)
    quotas: list[QuotaSettings] = Field(default_factory=list)
    declared: DeclaredSettings | None = None

    @field_validator("timezone")
    @classmethod
    def _zone(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                zone_of(name)
            except CcmusicError as error:
                raise ValueError(str(error)) from None
        return name


class NowPlayingSettings(Table):
    """[stations.<id>.now_playing]."""

    file: Annotated[PathText, Field(min_length=1)]
    template: str = "{title}"
    without_title: str = "{genre}"

    @field_validator("template", "without_title")
    @classmethod
    def _fields(cls, text: str) -> str:
        Template(text)
        return text


class HookSettings(Table):
    """[hooks.<name>]: either `url` or `command`."""

    on: Annotated[list[Source], Field(min_length=1)]
    changes: list[Literal["new", "end", "raised", "cleared", "told"]] = Field(default_factory=list)
    stations: list[str] = Field(default_factory=list)
    genres: list[Name] = Field(default_factory=list)
    url: str = ""
    command: list[str] = Field(default_factory=list)
    timeout_s: Annotated[float, Field(gt=0, le=300)] = 10.0
    retries: Annotated[int, Field(ge=0, le=10)] = 3
    header: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,64}$")] = "Authorization"
    secret_file: PathText = ""
    ca_file: PathText = ""

    @field_validator("url")
    @classmethod
    def _address(cls, url: str) -> str:
        if url:
            try:
                parts = urlsplit(url)
                good = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port)
            except ValueError:
                good = False
            if not good or re.search(r"[\s\x00-\x1f\x7f]", url):
                raise ValueError("is no address, as in https://host/path")
        return url

    @field_validator("command")
    @classmethod
    def _arguments(cls, command: list[str]) -> list[str]:
        for word in command:
            if "\0" in word:
                raise ValueError("an argument must not hold NUL")
            if re.fullmatch(r"\{\w+\}", word) and word[1:-1] not in PLACEHOLDERS:
                known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
                raise ValueError(f"{word} is no placeholder; known, each as a whole argument, are {known}")
        if command and re.fullmatch(r"\{\w+\}", command[0]):
            raise ValueError("the program itself must not be a placeholder")
        return command

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.url) == bool(self.command):
            raise ValueError("needs url or command, and not both")
        return self


def clock(text: str) -> time:
    """A time of day, "21:00" or "21:00:30"; "24:00" is midnight. `ValueError` when it is none."""
    if not re.fullmatch(r"\d{2}:\d{2}(:\d{2})?", text):
        raise ValueError(f"{text[:20]!r} is no time of day, as in 21:00")
    try:
        return time(0) if text in {"24:00", "24:00:00"} else time.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text[:20]!r} is no time of day, as in 21:00") from None
