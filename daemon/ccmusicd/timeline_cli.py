"""The command line's `timeline export | report`."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from ccmusicd.settings import Settings

# ruff: noqa: PLC0415 - what a command needs is imported where it runs

timeline = typer.Typer(help="Take the record of what was on air out.", no_args_is_help=True)

_TIME = "2026-05-01, 2026-05-01T14:30, now, today, yesterday, -90m, -24h, -7d; a day means its first moment."

ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML file with your settings.")]
State = Annotated[Path | None, typer.Option("--state", metavar="DIR", help="Where the timeline lies.")]
Station = Annotated[
    str | None, typer.Option("--station", metavar="ID", help="Which station; all, where it is left out.")
]
Zone = Annotated[
    str | None, typer.Option("--tz", metavar="ZONE", help="Time zone, as in Europe/Berlin; the machine's, if left out.")
]
Output = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="File to write; standard output, if left out.")
]


@timeline.command("export")
def timeline_export(
    form: Annotated[
        Literal["csv", "json", "jsonl", "audacity", "cue"],
        typer.Option("--format", help="Table, JSON array, JSON lines, Audacity's labels, or a CUE sheet."),
    ] = "csv",
    station: Station = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help=_TIME)] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="The same; now, if left out.")] = None,
    zone: Zone = None,
    origin: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When the recording began, for audacity and cue; --from, if left out."),
    ] = None,
    audio: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="The recording that a CUE sheet is for; STATION.wav, if left out."),
    ] = None,
    output: Output = None,
    config_file: ConfigFile = None,
    state: State = None,
) -> None:
    """Write what was on air from when to when: genre, kind, how sure, titles."""
    from ccmusicd.exporting import OF_A_RECORDING, export

    if origin is not None and form not in OF_A_RECORDING:
        raise typer.BadParameter("--origin is for --format audacity and cue", param_hint="--origin")
    if audio is not None and form != "cue":
        raise typer.BadParameter("--audio is for --format cue", param_hint="--audio")
    url, _ = _record(config_file, state)
    export(
        url,
        form,
        station=station,
        since=since,
        until=until,
        origin=origin,
        zone_name=zone,
        audio=audio,
        output=output,
        now_us=time.time_ns() // 1000,
    )


@timeline.command("report")
def timeline_report(
    day: Annotated[str, typer.Option(metavar="DAY", help="2026-05-01, today or yesterday.")] = "yesterday",
    station: Station = None,
    zone: Zone = None,
    output: Output = None,
    config_file: ConfigFile = None,
    state: State = None,
) -> None:
    """Write a day as one HTML page: genres through the day, sums, silence, what was down, titles."""
    from ccmusicd.exporting import report

    url, settings = _record(config_file, state)
    names = {key: one.name for key, one in settings.stations.items() if one.name}
    now_us = time.time_ns() // 1000
    report(url, day_name=day, station=station, zone_name=zone, names=names, output=output, now_us=now_us)


def _record(config_file: Path | None, state: Path | None) -> "tuple[str, Settings]":
    """The record's address, found as the daemon finds it, and the settings."""
    from ccmusicd import settings as configuration

    overrides = {} if state is None else {"daemon": {"state_dir": str(state)}}
    settings = configuration.load(config_file, overrides)
    return settings.timeline.url or f"sqlite:///{configuration.state_directory(settings) / 'timeline.sqlite'}", settings
