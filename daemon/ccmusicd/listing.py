"""What `devices`, `weights list` and `weights inspect` print."""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from ccmusic_stream.errors import CheckpointError
from ccmusic_stream.models.bundle import FILE_NAME, read_bundle
from ccmusicd.capture.soundcard import devices
from ccmusicd.resources import resource, user_bundles

if TYPE_CHECKING:
    from ccmusic_stream.models.checkpoint import Report

SHOWN_ENTRIES = 8
"""Names of tensors on a line of a report; the rest are counted."""


def print_devices(*, as_json: bool) -> None:
    """The inputs of this machine. Raises `SourceError` when PortAudio cannot be used."""
    found = devices()
    if as_json:
        sys.stdout.write(json.dumps([asdict(device) for device in found], ensure_ascii=False) + "\n")
        return
    if not found:
        sys.stdout.write("no sound card with an input\n")
        return
    table = Table("name", "through", "channels", "rate", "default")
    for device in found:
        mark = "yes" if device.default else ""
        table.add_row(
            escape(device.name), escape(device.host_api), str(device.channels), f"{device.default_rate} Hz", mark
        )
    Console().print(table)


def print_bundles(*, as_json: bool) -> None:
    """The shipped bundles, then the user's own. Raises `BundleError` when one is damaged."""
    folders = (resource("weights"), user_bundles())
    bundles = [read_bundle(file.parent) for folder in folders for file in sorted(folder.glob(f"*/{FILE_NAME}"))]
    if as_json:
        rows = [
            {
                "name": bundle.name,
                "trained": bundle.trained,
                "labels": list(bundle.labels.slugs),
                "parents": {label.slug: label.parent for label in bundle.labels if label.parent is not None},
                "models": [spec.name for spec in bundle.models],
                "folder": str(bundle.folders[0]),
            }
            for bundle in bundles
        ]
        sys.stdout.write(json.dumps(rows, ensure_ascii=False) + "\n")
        return
    table = Table("bundle", "trained", "labels", "models")
    for bundle in bundles:
        models = "\n".join(f"{spec.name} ({spec.head}, {spec.profile})" for spec in bundle.models) or "none yet"
        seeded = any(spec.seed is not None for spec in bundle.models)
        trained = "yes" if bundle.trained else "no: random weights" if seeded else "no" if bundle.models else ""
        labels = ", ".join(
            label.slug if label.parent is None else f"{label.slug} ({label.parent})" for label in bundle.labels
        )
        table.add_row(escape(bundle.name), trained, labels, models)
    Console().print(table)


def print_inspections(files: Sequence[Path], *, as_json: bool) -> int:
    """What each weight file is; gives the exit status: 78 when one could not be used in a bundle."""
    from ccmusic_stream.models.loading import inspect  # noqa: PLC0415 - loads torch, which the others do not need

    status = os.EX_OK
    for file in files:
        try:
            found = inspect(file)
        except CheckpointError as error:
            sys.stderr.write(f"{error}\n")
            status = os.EX_CONFIG
            continue
        if found.problem is not None:
            status = os.EX_CONFIG
        if as_json:
            sys.stdout.write(json.dumps(found.to_dict(), ensure_ascii=False) + "\n")
            continue
        table = Table(title=escape(str(file)), title_justify="left", show_header=False)
        identity = found.identity
        table.add_row("network", "unknown" if identity is None else identity.backbone)
        if identity is not None:
            table.add_row("head", identity.head)
            table.add_row("classes", str(identity.classes))
        table.add_row("parameters", f"{found.parameters:,} in {found.tensors} tensors")
        table.add_row("stored", f"{'compact: ' if found.compact else ''}{', '.join(found.dtypes)}")
        table.add_row("size", f"{found.bytes / 1e6:.1f} MB")
        table.add_row("sha256", found.sha256)
        for word, entries in _report(found.report):
            table.add_row(word, escape(entries))
        table.add_row("usable", "yes" if found.problem is None else f"no: {escape(found.problem)}")
        Console().print(table)
    return status


def _report(report: "Report | None") -> Iterator[tuple[str, str]]:
    """How many tensors matched, are missing, unexpected and reshaped, and which those are that did not match."""
    if report is None:
        return
    yield "matched", str(len(report.matched))
    for word in ("missing", "unexpected", "reshaped", "foreign"):
        entries = [str(entry) for entry in getattr(report, word)]
        more = f", and {len(entries) - SHOWN_ENTRIES} more" if len(entries) > SHOWN_ENTRIES else ""
        yield word, f"{len(entries)}: {', '.join(entries[:SHOWN_ENTRIES])}{more}" if entries else "0"
