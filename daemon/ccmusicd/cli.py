"""The command line: `ccmusicd run | doctor | classify | watch | devices | protocol | timeline | config | weights`.

What a command needs is imported where it runs: `run` must not load torch, and none waits for what it does not use.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from ccmusic_stream.errors import CcmusicError
from ccmusic_stream.runtimes import Runtime
from ccmusicd import __version__
from ccmusicd.timeline_cli import timeline

if TYPE_CHECKING:
    from ccmusicd.settings import Settings

# ruff: noqa: PLC0415 - see above

app = typer.Typer(
    name="ccmusicd",
    help="Listens to a radio or DJ machine and shows, publishes and records which genre is on air.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
config = typer.Typer(help="Check and show the configuration.", no_args_is_help=True)
weights = typer.Typer(help="Bundles and weight files: look, import, fetch, check.", no_args_is_help=True)
app.add_typer(timeline, name="timeline")
app.add_typer(config, name="config")
app.add_typer(weights, name="weights")

ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="FILE", help="TOML file with your settings.")]
BundleNames = Annotated[
    list[str] | None,
    typer.Option(
        "--bundle", metavar="DIR", help="Folder with bundle.toml, or a bundle's name; again for several side by side."
    ),
]
ModelWords = Annotated[
    list[str] | None,
    typer.Option(
        "--models", metavar="NAMES", help="accurate, fast, border, light, all, or names of models, with commas between."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> NoReturn:
    """Run the command line and end the process with its exit status."""
    try:
        status = app(standalone_mode=False)
    except typer.Exit as ended:
        status = ended.exit_code
    except typer.Abort:
        status = 130
    except CcmusicError as error:
        sys.stderr.write(f"ccmusicd: {error}\n")
        status = _exit_status(error)
    except KeyboardInterrupt:
        status = 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # so that the interpreter's last flush does not complain
        status = os.EX_OK
    except Exception as error:
        show = getattr(error, "show", None)  # one of typer's usage errors, whose class is not public
        if show is None:
            raise
        show()
        status = os.EX_USAGE
    sys.exit(status)


def _exit_status(error: CcmusicError) -> int:
    """64 usage, 66 input missing, 69 unavailable, 73 a file cannot be written, 78 configuration."""
    own = getattr(error, "exit_code", None)
    return own if isinstance(own, int) else os.EX_CONFIG


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ccmusicd {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    pass


Source = Annotated[
    str | None,
    typer.Option(
        "--input",
        metavar="SPEC",
        help="soundcard[:name], http(s)://…, rtp://…, a path, - (stdin), exec:command, demo. "
        "Replaces the stations of the configuration.",
    ),
]
Listen = Annotated[str | None, typer.Option(metavar="ADDRESS:PORT", help="Where the viewer is served.")]
BrokerUrl = Annotated[
    str | None, typer.Option(metavar="URL", help="Broker: mqtt://user@host:1883, or mqtts://, ws://, wss://.")
]
State = Annotated[Path | None, typer.Option(metavar="DIR", help="Where the timeline lies.")]


@app.command()
def run(
    config_file: ConfigFile = None,
    source: Source = None,
    bundle: BundleNames = None,
    models: ModelWords = None,
    listen: Listen = None,
    mqtt: BrokerUrl = None,
    state: State = None,
    speed: Annotated[
        Literal["real", "max"], typer.Option(help="max reads a file as fast as it can be analysed, on its own clock.")
    ] = "real",
    raw_rate: Annotated[int | None, typer.Option(help="Sample rate of - and exec:, in hertz.")] = None,
    raw_channels: Annotated[int | None, typer.Option(help="Channels of - and exec:.")] = None,
    raw_format: Annotated[str | None, typer.Option(help="Samples of - and exec:, as in s16le.")] = None,
) -> None:
    """Run the daemon; with none of these: the demo station and the starter bundle."""
    station = {"input": source, "raw_rate": raw_rate, "raw_channels": raw_channels, "raw_format": raw_format}
    if source is None and _given(station):
        raise typer.BadParameter("--raw-rate, --raw-channels and --raw-format describe an --input; there is none")
    load = _loader(config_file, station, bundle, models, listen, mqtt, state)
    raise typer.Exit(_run(load, real_time=speed == "real"))


@app.command()
def doctor(
    config_file: ConfigFile = None,
    source: Source = None,
    bundle: BundleNames = None,
    models: ModelWords = None,
    listen: Listen = None,
    mqtt: BrokerUrl = None,
    state: State = None,
    as_json: Json = False,
) -> None:
    """Look at all that the daemon needs, and say what to do; changes nothing.

    Exit status 0, also with warnings; 78 where the configuration or the weights are at fault; 69 for other problems.
    """
    from ccmusicd.doctor.round import examine

    load = _loader(config_file, {"input": source}, bundle, models, listen, mqtt, state)
    raise typer.Exit(examine(load, as_json=as_json))


@app.command()
def classify(
    files: Annotated[list[str], typer.Argument(metavar="FILE…", help="Recordings of any format.")],
    bundle: BundleNames = None,
    models: ModelWords = None,
    clip: Annotated[Literal["centre", "first", "all"], typer.Option(help="Which 10 s of each file.")] = "centre",
    device: Annotated[Literal["auto", "cpu", "cuda"], typer.Option(help="Where the networks run.")] = "auto",
    runtime: Annotated[
        Runtime, typer.Option(help="What runs them on a CPU: torch is the reference; auto takes what is faster.")
    ] = "torch",
    pictures: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write every step as PNG: waveform, spectrograms, what each network saw."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Classify recordings the article's way and print every model's table."""
    from ccmusicd.refusals import make_folder, none_can_be_opened
    from ccmusicd.weights.bundles import models_to_use, open_bundle

    opened = open_bundle(bundle or ["starter"])
    names = [model.name for model in models_to_use(opened, _split(models))]
    if pictures is not None:
        make_folder(pictures)
    if none_can_be_opened(files):
        raise typer.Exit(os.EX_NOINPUT)

    from ccmusic_stream.classifier import pick_device  # after what needs no torch and may be refused
    from ccmusicd.classify import classify_files

    status = classify_files(
        files,
        opened,
        names,
        clip=clip,
        as_json=as_json,
        device=pick_device(device),
        runtime=runtime,
        pictures=pictures,
    )
    raise typer.Exit(status)


@app.command()
def watch(
    url: Annotated[str, typer.Argument(metavar="URL", help="The daemon's address.")] = "http://127.0.0.1:8765",
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Holds the token that the daemon asks of other machines.")
    ] = None,
) -> None:
    """Show a running daemon's live probabilities in the terminal."""
    from ccmusicd.watch import read_token
    from ccmusicd.watch import watch as follow

    asyncio.run(follow(url, token=None if token_file is None else read_token(token_file)))


@app.command()
def devices(as_json: Json = False) -> None:
    """List the sound cards that can be listened to, by the names that soundcard:NAME takes."""
    from ccmusicd.listing import print_devices

    print_devices(as_json=as_json)


@config.command("check")
def config_check(config_file: ConfigFile = None) -> None:
    """Say whether the configuration can be used; exit status 78 and a line for each fault when not."""
    from ccmusicd import settings as configuration
    from ccmusicd.capture.spec import parse_spec
    from ccmusicd.checks import check

    settings = configuration.load(config_file)
    bundle = check(settings)
    for key, station in settings.stations.items():
        spec = parse_spec(station.input)
        if spec.kind == "media" and not spec.is_url and not Path(spec.target).expanduser().exists():
            typer.echo(f"note: stations.{key}.input: there is no file {spec.target!r} now", err=True)
    typer.echo(f"ok: {len(settings.stations) or 'demo'} station(s), bundle {bundle.name}")


@config.command("show")
def config_show(config_file: ConfigFile = None) -> None:
    """Print every setting in force as JSON; secrets are redacted."""
    from ccmusicd import settings as configuration

    typer.echo(configuration.as_json(configuration.load(config_file)))


@config.command("schema")
def config_schema() -> None:
    """Print the JSON schema of the configuration, for editors."""
    import json

    from ccmusicd.settings import Settings

    typer.echo(json.dumps(Settings.model_json_schema(), indent=2, ensure_ascii=False))


@app.command()
def protocol(
    page: Annotated[bool, typer.Option("--page", help="As a page for people, in Markdown.")] = False,
) -> None:
    """Print the JSON schema of all messages: WebSocket, HTTP and MQTT."""
    import json

    from ccmusicd.protocol.page import page as markdown
    from ccmusicd.protocol.schema import schema

    typer.echo(markdown() if page else json.dumps(schema(), indent=2, ensure_ascii=False), nl=not page)


@weights.command("list")
def weights_list(as_json: Json = False) -> None:
    """List the bundles that ship and your own, with their models."""
    from ccmusicd.listing import print_bundles

    print_bundles(as_json=as_json)


@weights.command("inspect")
def weights_inspect(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Weight files (.safetensors, .pt, .pth).")],
    as_json: Json = False,
) -> None:
    """Say what weight files are: backbone, head, classes, and what matches."""
    from ccmusicd.listing import print_inspections

    raise typer.Exit(print_inspections(files, as_json=as_json))


@weights.command("verify")
def weights_verify(
    bundles: Annotated[list[str] | None, typer.Argument(metavar="BUNDLE…", help="Folders or names.")] = None,
) -> None:
    """Check every file of bundles (starter, when none is named) against its hash, and load it."""
    from ccmusicd.weights.verifying import verify

    raise typer.Exit(verify(bundles or ["starter"]))


@weights.command("import")
def weights_import(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="Weight files (.safetensors, .pt, .pth).")],
    bundle: Annotated[
        str, typer.Option("--bundle", metavar="DIR", help="Bundle to make or to add to: a folder, or a bundle's name.")
    ],
    spectrogram: Annotated[
        Literal["cqt", "mel"] | None, typer.Option(help="What the networks saw, where no file or folder is named so.")
    ] = None,
    profile: Annotated[
        Literal["seed", "floor80", "ccmusic"] | None,
        typer.Option(help="How their pictures were drawn; ccmusic where the head is, else seed."),
    ] = None,
    labels: Annotated[
        str | None, typer.Option(metavar="BUNDLE", help="Bundle whose labels a new bundle takes: a folder or a name.")
    ] = None,
) -> None:
    """Make a bundle of weight files of the known networks, or add them to one."""
    from ccmusicd.weights.importing import import_files

    raise typer.Exit(import_files(files, bundle, spectrogram=spectrogram, profile=profile, labels=labels))


@weights.command("pull")
def weights_pull(
    repository: Annotated[str, typer.Argument(metavar="REPO", help="Repository on the Hugging Face hub: owner/name.")],
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit.")] = None,
    bundle: Annotated[
        str | None,
        typer.Option(
            "--bundle", metavar="DIR", help="Bundle to make or to add to; else one of your own by REPO's name."
        ),
    ] = None,
    models: ModelWords = None,
) -> None:
    """Fetch a bundle, or upstream's checkpoints, from a repository; goes on where it was cut."""
    from ccmusicd.weights.repository import Repository

    found = Repository(repository, revision)

    from ccmusicd.weights.pulling import pull  # after what needs no torch and may be refused

    raise typer.Exit(pull(found, bundle=bundle, words=_split(models)))


def _loader(
    config_file: Path | None,
    station: Mapping[str, Any],
    bundle: list[str] | None,
    models: list[str] | None,
    listen: str | None,
    mqtt: str | None,
    state: Path | None,
) -> "Callable[[], Settings]":
    """What loads the settings of the moment, with these of the command line before all others."""
    from ccmusicd import settings as configuration

    overrides: dict[str, Any] = {
        "daemon": {"listen": listen, "state_dir": None if state is None else str(state)},
        "analyzer": {"bundle": bundle or None, "models": _split(models) or None},
        "mqtt": {"url": mqtt},
    }
    given, only_station = _given(overrides), _given(station) or None

    def load() -> configuration.Settings:
        return configuration.load(config_file, given, only_station=only_station)

    return load


def _split(words: Sequence[str] | None) -> list[str]:
    return [word.strip() for text in words or [] for word in text.split(",") if word.strip()]


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given; tables without any are left out."""
    given = {key: _given(value) if isinstance(value, Mapping) else value for key, value in options.items()}
    return {key: value for key, value in given.items() if value is not None and value != {}}


def _run(load: "Callable[[], Settings]", *, real_time: bool) -> int:
    """Run the daemon, which reads the configuration again on each SIGHUP."""
    from ccmusicd.app import App, exit_code
    from ccmusicd.logs import log_to_stderr

    settings = load()
    log_to_stderr(settings.daemon.log_level)
    daemon = App(settings, real_time=real_time, load=load)
    return exit_code(asyncio.run(daemon.run()), daemon.ended)
