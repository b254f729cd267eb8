"""Files that somebody else may have made: configuration, bundles, checkpoints."""

import contextlib
import io
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import save
from torch import nn

from ccmusic_stream.errors import BundleError, CheckpointError
from ccmusic_stream.models.bundle import parse_bundle
from ccmusic_stream.models.checkpoint import check, identify, read_weight_file
from ccmusicd.capture.spec import SpecError, parse_spec
from ccmusicd.publish.broker import parse_broker
from ccmusicd.publish.errors import TopicError
from ccmusicd.settings import SettingsError, as_json, load, state_directory
from tests.fuzz.target import Target, scratch_folder


def configuration(data: bytes) -> None:
    """A configuration file; what is accepted is looked at as the composition root would."""
    file = scratch_folder() / "ccmusicd.toml"
    file.write_bytes(data)
    try:
        settings = load(file)
    except SettingsError:
        return
    as_json(settings)
    state_directory(settings)
    for station in settings.stations.values():
        with contextlib.suppress(SpecError):
            parse_spec(station.input)
    if settings.mqtt.url:
        with contextlib.suppress(TopicError):
            parse_broker(settings.mqtt.url)


def bundle_manifests(data: bytes) -> None:
    """A bundle.toml."""
    with contextlib.suppress(BundleError):
        parse_bundle(data, Path("bundle"), "bundle.toml")


class _Small(nn.Module):
    """A network of a few numbers, so that what fits it is soon found."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(2, 3)
        self.features = nn.BatchNorm1d(2)


@cache
def _small() -> nn.Module:
    return _Small()


def checkpoints(data: bytes) -> None:
    """A weight file: "s" and a .safetensors, or "p" and a .pt."""
    file = scratch_folder() / ("weights.safetensors" if data[:1] == b"s" else "weights.pt")
    file.write_bytes(data[1:])
    with contextlib.suppress(CheckpointError):
        read = read_weight_file(file)
        with contextlib.suppress(CheckpointError):
            check(_small(), read.state)
        identify(read.state)


def _checkpoint_seeds() -> Iterator[bytes]:
    state = {name: value.contiguous() for name, value in _small().state_dict().items()}
    yield b"s" + save(state)
    yield b"s" + save({name: value.half() if value.is_floating_point() else value for name, value in state.items()})
    scales = {"classifier.weight": torch.ones(3, 2, dtype=torch.int8), "classifier.weight::scale": torch.ones(3)}
    yield b"s" + save(scales, metadata={"ccmusic-compact": "1"})
    kinds = (torch.float8_e4m3fn, torch.float8_e5m2, torch.bfloat16, torch.uint16, torch.complex64, torch.bool)
    for kind in kinds:
        yield b"s" + save({"classifier.weight": torch.zeros(3, 2).to(kind)})
    for content in (state, {"state_dict": state, "epoch": 3}, {"model": {f"module.{k}": v for k, v in state.items()}}):
        for zipped in (True, False):
            file = io.BytesIO()
            torch.save(content, file, _use_new_zipfile_serialization=zipped)
            yield b"p" + file.getvalue()


_DEFAULTS = Path(__file__).parents[2] / "config" / "default.toml"
_BUNDLE = b"""name = "b"
trained = true
ensemble_temperature = 1.5
labels = [{ slug = "jazz", en = "Jazz", zh = "J" },
  { slug = "rock", en = "Rock", zh = "R", music = true, parent = "jazz" }]
[[models]]
name = "resnet50_mel"
backbone = "resnet50"
spectrogram = "mel"
head = "linear"
profile = "seed"
file = "a/weights.pt"
sha256 = "0000000000000000000000000000000000000000000000000000000000000000"
mean = [0.5, 0.5, 0.5]
std = [0.5, 0.5, 0.5]
temperature = 1.0
weight = 2
validation = { top1 = 0.5 }
"""

TARGETS = {
    "configuration": Target(
        configuration,
        (
            _DEFAULTS.read_bytes(),
            b'[stations.main]\ninput = "http://user:pw@host:8000/a"\n[mqtt]\nurl = "mqtts://u:p@h:1"\n',
            b'[daemon]\nlisten = "[::1]:80"\n[web]\nallowed_hosts = ["a.b"]\nroot_path = "/x"\n',
            b'[hooks.a]\nurl = "http://[::1]/"\non = ["segment"]\n[dead_air]\nafter_s = 5\n',
        ),
        (
            b"[stations.",
            b"[[",
            b"]",
            b"= ",
            b'"',
            b"'''",
            b"inf",
            b"nan",
            b"-1",
            b"1e400",
            b"9" * 5000,
            b"{",
            b"[" * 2000,
            b"true",
            b"1979-05-27T07:32:00Z",
            b'"\\u0000"',
            b'"\\ud7ff"',
            b"exec:",
            b"http://[",
            b"url",
            b"listen",
            b"input",
        ),
    ),
    "bundle_manifests": Target(
        bundle_manifests,
        (_BUNDLE, _BUNDLE.replace(b'file = "a/weights.pt"', b"seed = 1").replace(b"sha256", b"#")),
        (
            b"[[models]]",
            b"[[labels]]",
            b'"."',
            b'"/"',
            b'".."',
            b'""',
            b'" "',
            b"inf",
            b"nan",
            b"-1",
            b"0",
            b"1e400",
            b"9" * 400,
            b"9" * 5000,
            b"[" * 2000,
            b"true",
            b"file",
            b"seed",
            b"a.b.c",
            b"1979-05-27",
            b'"\\u0000"',
        ),
    ),
    "checkpoints": Target(
        checkpoints,
        tuple(_checkpoint_seeds()),
        (
            b'"F8_E4M3"',
            b'"F4"',
            b'"U64"',
            b'"I8"',
            b'"C64"',
            b'"F8_E8M0"',
            b"[0]",
            b"[]",
            b"[9999999999]",
            b"::scale",
            b"__metadata__",
            b"classifier.weight",
            b"state_dict",
            b"\x80\x02",
            b"PK",
            b"(",
            b"R",
            b"c__builtin__\neval\n",
        ),
    ),
}
