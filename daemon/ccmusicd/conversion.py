"""Networks converted for ncnn by pnnx, once for each weight file, and kept in a cache.

An entry is a folder named after everything that its content depends on. It holds `network.param`, `network.bin` and
`entry.json`: the SHA-256 of both, or `refused` and why. What is damaged is made anew; what was not used for
`KEPT_DAYS` is removed when something else is made.
"""

import contextlib
import hashlib
import json
import shutil
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import ncnn
import pnnx
import torch
from torch import nn

from ccmusic_stream.errors import CcmusicError, CheckpointError
from ccmusic_stream.models.bundle import ModelSpec
from ccmusic_stream.models.digest import sha256_of
from ccmusic_stream.models.seeded import synthetic_pictures
from ccmusic_stream.picture import SIDE
from ccmusic_stream.runtimes.cpu import folded
from ccmusic_stream.runtimes.ncnn import BACKBONES, LARGEST_DIFFERENCE, NcnnNetwork, largest_difference

KEPT_DAYS = 90
CONVERSION_TIMEOUT_S = 300.0

_PARAM, _WEIGHTS, _ENTRY = "network.param", "network.bin", "entry.json"
_FORMAT = 1
"""To be counted up when what is kept, or how it is made, changes."""


class ConversionError(CcmusicError):
    """A network cannot be run by ncnn; torch can run it."""


def convertible(spec: ModelSpec) -> bool:
    """Whether ncnn can run the model's backbone, and faster than torch."""
    return spec.backbone in BACKBONES


def converted(spec: ModelSpec, classes: int, load: Callable[[], nn.Module], cache: Path) -> NcnnNetwork:
    """The model's network for ncnn, from `cache` or made from the torch network that `load` gives.

    Raises:
        ConversionError: it cannot be converted, or answers otherwise than torch.
        CheckpointError: from `load`.
    """
    entry = cache / "ncnn" / _key(spec, classes)
    kept = _kept(entry)
    if kept is None:
        _make(entry, load())
        kept = _kept(entry)
    if kept is None:
        raise ConversionError(f"{spec.name}: the conversion could not be kept in {entry}")
    if refused := kept.get("refused"):
        raise ConversionError(f"{spec.name}: {refused}")
    return NcnnNetwork(entry / _PARAM, entry / _WEIGHTS)


def _key(spec: ModelSpec, classes: int) -> str:
    origin = spec.sha256 or f"seed {spec.seed}"
    parts = (_FORMAT, pnnx.__version__, ncnn.__version__, torch.__version__, spec.backbone, spec.head, classes, origin)
    return hashlib.sha256(" ".join(map(str, parts)).encode()).hexdigest()[:32]


def _kept(entry: Path) -> dict[str, str] | None:
    """What `entry.json` says, if the files are as it says."""
    try:
        kept: dict[str, str] = json.loads((entry / _ENTRY).read_text(encoding="utf-8"))
        whole = "refused" in kept or all(sha256_of(entry / name) == kept[name] for name in (_PARAM, _WEIGHTS))
        if whole:
            (entry / _ENTRY).touch()
    except (OSError, CheckpointError, ValueError, KeyError, TypeError):
        return None
    return kept if whole else None


def _make(entry: Path, network: nn.Module) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    _remove_unused(entry.parent)
    with tempfile.TemporaryDirectory(dir=entry.parent, prefix="making-") as name:
        folder = Path(name) / "entry"
        folder.mkdir()
        try:
            _convert(network, folder)
            kept = {file: sha256_of(folder / file) for file in (_PARAM, _WEIGHTS)}
        except ConversionError as error:
            kept = {"refused": str(error)}
        (folder / _ENTRY).write_text(json.dumps(kept), encoding="utf-8")
        shutil.rmtree(entry, ignore_errors=True)  # a damaged one
        with contextlib.suppress(OSError):  # another process has just made the same
            folder.replace(entry)


def _convert(network: nn.Module, folder: Path) -> None:
    """Write the two files into `folder` and compare their answers with torch's."""
    network = folded(network)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        traced = Path(scratch) / "traced.pt"
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch.jit is frozen, and still what pnnx reads
            picture = torch.zeros(1, 3, SIDE, SIDE)
            torch.jit.trace(network, picture, check_trace=False).save(str(traced))  # type: ignore[no-untyped-call]
        _run_pnnx(traced, folder)
    pictures = synthetic_pictures(torch.Generator().manual_seed(0))
    try:
        difference = largest_difference(NcnnNetwork(folder / _PARAM, folder / _WEIGHTS), network, pictures)
    except (CheckpointError, RuntimeError) as error:
        raise ConversionError(f"ncnn cannot run what pnnx made of it: {error}") from None
    if not difference <= LARGEST_DIFFERENCE:
        raise ConversionError(f"ncnn's probabilities differ from torch's by {difference:.2g}")


def _run_pnnx(traced: Path, folder: Path) -> None:
    unwanted = [f"{kind}=/dev/null" for kind in ("pnnxparam", "pnnxbin", "pnnxpy", "pnnxonnx", "ncnnpy")]
    wanted = [f"ncnnparam={folder / _PARAM}", f"ncnnbin={folder / _WEIGHTS}"]
    command = [pnnx.EXEC_PATH, str(traced), f"inputshape=[1,3,{SIDE},{SIDE}]", "fp16=0", *unwanted, *wanted]
    try:
        done = subprocess.run(  # noqa: S603 - a program of the package, on files of ours
            command, cwd=traced.parent, capture_output=True, text=True, timeout=CONVERSION_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ConversionError(f"pnnx could not be run: {error}") from None
    if done.returncode or not (folder / _WEIGHTS).is_file():
        lines = done.stderr.strip().splitlines() or ["no word"]
        raise ConversionError(f"pnnx ended with status {done.returncode}: {lines[-1]}")


def _remove_unused(entries: Path) -> None:
    oldest = time.time() - KEPT_DAYS * 86_400
    for entry in entries.iterdir():
        mark = entry / _ENTRY
        if (mark if mark.exists() else entry).stat().st_mtime < oldest:
            shutil.rmtree(entry, ignore_errors=True)
