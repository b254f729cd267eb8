"""`ccmusicd weights verify`: every file of a bundle against its hash, and loaded."""

import os
from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from ccmusic_stream.errors import CheckpointError
from ccmusic_stream.models.bundle import ModelSpec, read_bundle
from ccmusic_stream.models.loading import load_model
from ccmusicd.resources import bundle_folder


def verify(names: Sequence[str]) -> int:
    """Print a line for each model of the bundles; gives the exit status, 78 when one is bad.

    Raises `BundleError` when a bundle's description cannot be used.
    """
    bundles = [read_bundle(bundle_folder(name)) for name in names]
    out, errors = Console(), Console(stderr=True)
    status = os.EX_OK
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        task = progress.add_task("verifying", total=sum(len(bundle.models) for bundle in bundles))
        for bundle in bundles:
            if not bundle.models:
                out.print(f"{escape(bundle.name)}: no models yet", highlight=False)
            for spec in bundle.models:
                try:
                    load_model(spec, bundle)
                    out.print(f"[green]ok[/]   {spec.name}: {escape(_origin(spec))}", highlight=False, soft_wrap=True)
                except CheckpointError as error:
                    out.print(f"[red]bad[/]  {spec.name}: {escape(str(error))}", highlight=False, soft_wrap=True)
                    status = os.EX_CONFIG
                progress.advance(task)
    return status


def _origin(spec: ModelSpec) -> str:
    return f"random weights of seed {spec.seed}" if spec.file is None else f"{spec.folder / spec.file} {spec.sha256}"
