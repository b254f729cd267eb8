"""`ccmusicd weights import`: weight files of any origin into a bundle, one after the other."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from ccmusic_stream.errors import BundleError, CheckpointError, WeightsError
from ccmusic_stream.geometry import Spectrogram
from ccmusic_stream.labels import Labels
from ccmusic_stream.models.bundle import FILE_NAME, Bundle, ModelSpec, read_bundle
from ccmusic_stream.models.bundle_toml import bundle_toml
from ccmusic_stream.models.conversion import Checkpoint, named_spectrogram, read_checkpoint, save_checkpoint
from ccmusic_stream.models.digest import sha256_of
from ccmusic_stream.models.joined import labels_difference
from ccmusicd.resources import bundle_folder, own_bundle_folder, resource

PUBLISHED = "ccmusic"
"""The shipped bundle that holds the published labels and no models."""

_HALF = (0.5, 0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Imported:
    """A model that was taken in, and whether it took the place of another of its name."""

    spec: ModelSpec
    replaced: bool


class GrowingBundle:
    """A bundle on disk that takes models in; after each, the folder holds a whole bundle again.

    Nothing is written before the first model. The weight file comes first, then the description that names it.
    """

    def __init__(self, folder: Path, labels: str | None = None) -> None:
        """Open the bundle in `folder`, or prepare one with the labels of the bundle `labels` (a folder or a name).

        Raises `BundleError` when either bundle cannot be read, or their labels differ.
        """
        self.folder = folder
        self._old = read_bundle(folder) if (folder / FILE_NAME).exists() else None
        self._labels = self._old.labels if self._old else None
        if labels is not None:
            self.adopt_labels(read_bundle(bundle_folder(labels)).labels, f"bundle {labels!r}")

    @property
    def models(self) -> tuple[ModelSpec, ...]:
        """What it holds now."""
        return self._old.models if self._old else ()

    @property
    def trained(self) -> bool:
        """Whether all that it holds is trained."""
        return self._old is not None and self._old.trained

    def adopt_labels(self, labels: Labels, whose: str) -> None:
        """Take these labels, unless it has some: then they must be the same. Raises `BundleError`."""
        if self._labels is None:
            self._labels = labels
        elif difference := labels_difference(self._labels, labels):
            raise BundleError(f"the labels of {self.folder} are not those of {whose}: {difference}")

    def take(
        self,
        checkpoint: Checkpoint,
        spectrogram: Spectrogram,
        *,
        profile: str | None = None,
        source: str | None = None,
    ) -> Imported:
        """Write the checkpoint as a model of the bundle, in the place of one of the same name.

        `source` is the checkpoint's SHA-256, where it is known already. Raises `WeightsError` when the checkpoint is
        not of this bundle's labels, or refused, or the folder cannot be written.
        """
        identity = checkpoint.identity
        name = f"{identity.backbone}_{spectrogram}"
        labels = self._labels_for(checkpoint)
        source = source or sha256_of(checkpoint.path)
        target = self.folder / f"{name}.safetensors"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            save_checkpoint(checkpoint, len(labels), target)
            spec = ModelSpec(
                name=name,
                backbone=identity.backbone,
                spectrogram=spectrogram,
                head=identity.head,
                profile=profile or ("ccmusic" if identity.head == "ccmusic" else "seed"),
                file=target.name,
                sha256=sha256_of(target),
                seed=None,
                mean=_HALF,
                std=_HALF,
                weight=self._weight_of(name),
                source=source,
                folder=self.folder,
            )
        except OSError as error:
            raise WeightsError(f"{target} cannot be written: {error.strerror or error}") from None
        return self.add(spec, labels)

    def _weight_of(self, name: str) -> float:
        """How much the vote of the model of this name counts: one that takes its place counts as much."""
        return self._old.weights.get(name, 1.0) if self._old else 1.0

    def add(
        self,
        spec: ModelSpec,
        labels: Labels,
        *,
        trained: bool = True,
        name: str | None = None,
        ensemble_temperature: float = 1.0,
    ) -> Imported:
        """Describe a model whose file lies in the folder.

        A new bundle is called `name`, or as its folder, and has this ensemble temperature; an older one keeps its own.

        Raises `WeightsError` when the description cannot be written.
        """
        old = self._old or Bundle(
            name or self.folder.name, False, labels, (), (self.folder,), ensemble_temperature=ensemble_temperature
        )
        replaced = any(model.name == spec.name for model in old.models)
        others = tuple(model for model in old.models if model.name != spec.name)
        models = tuple(spec if model.name == spec.name else model for model in old.models)
        new = replace(
            old,
            models=models if replaced else (*models, spec),
            trained=trained and spec.seed is None and _trained(old, others),
        )
        target = self.folder / FILE_NAME
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished = target.with_name(f".{FILE_NAME}.part")
            unfinished.write_text(bundle_toml(new), encoding="utf-8")
            unfinished.replace(target)
        except OSError as error:
            raise WeightsError(f"{target} cannot be written: {error.strerror or error}") from None
        self._old = new
        return Imported(spec, replaced)

    def _labels_for(self, checkpoint: Checkpoint) -> Labels:
        if self._labels is None:
            published = read_bundle(resource("weights") / PUBLISHED).labels
            if checkpoint.identity.classes != len(published):
                raise CheckpointError(
                    f"{checkpoint.path}: has {checkpoint.identity.classes} classes and no labels are known for them; "
                    f"say with --labels BUNDLE which bundle's labels they are"
                )
            self._labels = published
        return self._labels


def import_files(
    files: Sequence[Path], bundle: str, *, spectrogram: Spectrogram | None, profile: str | None, labels: str | None
) -> int:
    """Take each file into the bundle and print what became of it; gives the exit status, 78 when one was refused.

    Raises `BundleError` when the bundle that is there, or the one whose labels are wanted, cannot be used.
    """
    growing = GrowingBundle(own_bundle_folder(bundle), labels)
    errors = Console(stderr=True)
    status = os.EX_OK
    taken: dict[str, Path] = {}
    with Progress(console=errors, transient=True, disable=not errors.is_terminal) as progress:
        for file in progress.track(files, description="importing"):
            try:
                _import(file, growing, taken, spectrogram, profile)
            except WeightsError as error:
                errors.print(f"refused: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
                status = os.EX_CONFIG
    print_bundle(growing, errors)
    return status


def print_imported(imported: Imported, of: str) -> None:
    """A line on what a model is and where it came from."""
    spec = imported.spec
    verb = "replaced" if imported.replaced else "imported"
    Console().print(
        f"{verb} [bold]{spec.name}[/] (head {spec.head}, profile {spec.profile}) from {escape(of)}",
        highlight=False,
        soft_wrap=True,
    )


def print_known(spec: ModelSpec) -> None:
    """A line on a model that need not be fetched."""
    Console().print(f"[bold]{spec.name}[/] is there already", highlight=False)


def print_bundle(growing: GrowingBundle, errors: Console) -> None:
    """Where the bundle is and how it is used, when it holds models."""
    if not growing.models:
        return
    Console().print(
        f"{escape(str(growing.folder))}: {len(growing.models)} model(s); use it with --bundle",
        highlight=False,
        soft_wrap=True,
    )
    if not growing.trained:
        errors.print("[yellow]The bundle stays untrained: other models in it are.[/]")


def _import(
    file: Path, growing: GrowingBundle, taken: dict[str, Path], spectrogram: Spectrogram | None, profile: str | None
) -> None:
    checkpoint = read_checkpoint(file)
    kind = spectrogram or named_spectrogram(file.absolute())
    if kind is None:
        raise CheckpointError(
            f"{file}: neither its name nor its folder's says whether it was trained on cqt or mel; "
            f"say so with --spectrogram"
        )
    name = f"{checkpoint.identity.backbone}_{kind}"
    if name in taken:
        raise CheckpointError(f"{file}: is another {name}; {taken[name]} was imported as that just now")
    imported = growing.take(checkpoint, kind, profile=profile)
    taken[name] = file
    print_imported(imported, str(file))


def _trained(old: Bundle, others: Sequence[ModelSpec]) -> bool:
    """Whether the models that stay are trained: a bundle without seeds that says it is not is believed."""
    said_untrained = bool(others) and not old.trained and all(model.seed is None for model in old.models)
    return not said_untrained and all(model.seed is None for model in others)
