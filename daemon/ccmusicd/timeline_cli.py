"""The command line's `timeline export | report | rescore`."""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from ccmusicd.rescoring import Networks
    from ccmusicd.settings import Settings

# ruff: noqa: PLC0415 - what a command needs is imported where it runs

timeline = typer.Typer(help="Take the record of what was on air out.", no_args_is_help=True)

_TIME = "2026-05-01, 2026-05-01T14:30, now, today, yesterday, -90m, -24h, -7d; a day means its first moment."

FormatChoice = Annotated[
    Literal["csv", "json", "jsonl", "audacity", "cue"],
    typer.Option("--format", help="Table, JSON array, JSON lines, Audacity's labels, or a CUE sheet."),
]
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
    form: FormatChoice = "csv",
    station: Station = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help=_TIME)] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="The same; the record's end, if left out.")
    ] = None,
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
    from ccmusicd.export.formats import OF_A_RECORDING
    from ccmusicd.exporting import export

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


@timeline.command("rescore")
def timeline_rescore(
    bundle: Annotated[
        list[str] | None,
        typer.Option(
            "--bundle", metavar="DIR", help="Who judges: a bundle's folder or name; the configured one, if left out."
        ),
    ] = None,
    models: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Presets or names of its models, with commas between.")
    ] = None,
    form: FormatChoice = "csv",
    station: Station = None,
    since: Annotated[str | None, typer.Option("--from", metavar="TIME", help=_TIME)] = None,
    until: Annotated[str | None, typer.Option("--to", metavar="TIME", help="The same; now, if left out.")] = None,
    recording: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Hear this recording instead of judging kept hops."),
    ] = None,
    origin: Annotated[str | None, typer.Option(metavar="TIME", help="When the recording began.")] = None,
    zone: Zone = None,
    output: Output = None,
    config_file: ConfigFile = None,
    state: State = None,
) -> None:
    """Judge the past anew, by another bundle or today's thresholds, and compare; the record stays as it is."""
    if (recording is None) != (origin is None):
        raise typer.BadParameter("--recording needs --origin, the time when it began, and the other way round")
    if recording is not None and (since is not None or until is not None):
        raise typer.BadParameter("--from and --to choose from the record; a recording is heard from end to end")
    from ccmusicd.rescoring import rescore_hops, rescore_recording

    chosen = {"bundle": bundle, "models": models.split(",") if models else None}
    url, settings = _record(config_file, state, {key: value for key, value in chosen.items() if value})
    networks, now_us = _networks(settings), time.time_ns() // 1000
    if recording is None:
        rescore_hops(
            url,
            form,
            networks,
            station=station,
            since=since,
            until=until,
            zone_name=zone,
            output=output,
            now_us=now_us,
        )
    else:
        rescore_recording(
            url,
            form,
            networks,
            recording=recording,
            origin=str(origin),
            station=station,
            zone_name=zone,
            output=output,
            now_us=now_us,
        )


def _networks(settings: "Settings") -> "Networks":
    """The networks and thresholds of the configuration."""
    from ccmusicd.onair import DecisionOptions
    from ccmusicd.rescoring import Networks
    from ccmusicd.settings import bundle_names, model_words
    from ccmusicd.stationplan import StationOptions
    from ccmusicd.weights.bundles import models_to_use, open_bundle

    opened = open_bundle(bundle_names(settings))
    options = StationOptions(
        id="",
        source="",
        silence_dbfs=settings.silence.threshold_dbfs,
        silence_after_s=settings.silence.after_s,
        decision=DecisionOptions(**settings.decision.model_dump()),
    )
    return Networks(opened, models_to_use(opened, model_words(settings)), options)


def _record(
    config_file: Path | None, state: Path | None, analyzer: Mapping[str, Any] | None = None
) -> "tuple[str, Settings]":
    """The record's address, found as the daemon finds it, and the settings; `analyzer` overrides those of that name."""
    from ccmusicd import settings as configuration

    overrides: dict[str, Any] = {"analyzer": dict(analyzer or {})}
    if state is not None:
        overrides["daemon"] = {"state_dir": str(state)}
    settings = configuration.load(config_file, overrides)
    return settings.timeline.url or f"sqlite:///{configuration.state_directory(settings) / 'timeline.sqlite'}", settings
