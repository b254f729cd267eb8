"""`ccmusicd weights pull`: a bundle, or upstream's checkpoints, from a repository of the Hugging Face hub."""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from ccmusic_stream.errors import CheckpointError, WeightsError
from ccmusic_stream.geometry import BINS, Spectrogram
from ccmusic_stream.models.bundle import (
    BACKBONES,
    FILE_NAME,
    Bundle,
    ModelSpec,
    canonical_name,
    parse_bundle,
)
from ccmusic_stream.models.checkpoint import SUFFIXES
from ccmusic_stream.models.conversion import read_checkpoint
from ccmusic_stream.models.digest import sha256_of
from ccmusic_stream.models.presets import chosen_models, chosen_stems
from ccmusicd.resources import own_bundle_folder, user_bundles
from ccmusicd.weights.importing import GrowingBundle, print_bundle, print_imported, print_known
from ccmusicd.weights.repository import PullError, RemoteFile, Repository

DOWNLOADS = ".downloads"
"""Folder of a bundle in which files wait until they are whole, checked and taken in."""

_STEMS: Mapping[str, tuple[str, Spectrogram]] = {
    f"{backbone}_{kind}": (backbone, kind) for backbone in BACKBONES for kind in BINS
}
"""Backbone and spectrogram by the names that upstream's folders have."""

_MOST_DESCRIPTION_BYTES = 1_000_000


def pull(repository: Repository, *, bundle: str | None, words: Sequence[str]) -> int:
    """Fetch what `words` (names and presets; none means all) choose; gives the exit status, 78 when one was refused.

    Raises:
        PullError: the repository, the connection or the disk; what came is kept, and the next call goes on there.
        WeightsError: the description of the bundle there or here cannot be used.
    """
    folder = user_bundles() / repository.name.rpartition("/")[2] if bundle is None else own_bundle_folder(bundle)
    growing = GrowingBundle(folder)
    errors = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=errors, transient=True, disable=not errors.is_terminal) as progress:
        pulling = _Pulling(repository, growing, errors, progress)
        if FILE_NAME in repository.files:
            pulling.bundle(words)
        else:
            pulling.checkpoints(words)
    with contextlib.suppress(OSError):  # it is gone already, or holds what is not whole yet
        (folder / DOWNLOADS).rmdir()
    print_bundle(growing, errors)
    return pulling.status


@dataclass(slots=True)
class _Pulling:
    """One run of `pull`. A file that is refused does not stop the others."""

    repository: Repository
    growing: GrowingBundle
    errors: Console
    progress: Progress
    status: int = os.EX_OK

    def bundle(self, words: Sequence[str]) -> None:
        """The models of the repository's bundle.toml, as they are described there."""
        theirs = self._description()
        self.growing.adopt_labels(theirs.labels, self.repository.name)
        for spec in chosen_models(theirs, words):
            with self._refusals():
                self._described(spec, theirs)

    def checkpoints(self, words: Sequence[str]) -> None:
        """Upstream's files, `<backbone>_<cqt|mel>/save.pt`, each imported as it comes."""
        found = _checkpoints(self.repository)
        if not found:
            raise PullError(
                f"{self.repository.name} holds no weights: neither a {FILE_NAME} nor files like vgg19_bn_cqt/save.pt",
                os.EX_NOINPUT,
            )
        for stem in chosen_stems(list(found), words, of=self.repository.name):
            with self._refusals():
                self._checkpoint(stem, found[stem])

    def _description(self) -> Bundle:
        file = self.repository.files[FILE_NAME]
        shown = self._shown(file)
        if file.bytes > _MOST_DESCRIPTION_BYTES:
            raise WeightsError(f"{shown} has {file.bytes} bytes, expected at most {_MOST_DESCRIPTION_BYTES}")
        fetched = self._fetch(file)
        content = fetched.read_bytes()
        fetched.unlink()
        return parse_bundle(content, self.growing.folder, shown)

    def _described(self, spec: ModelSpec, theirs: Bundle) -> None:
        if spec.file is not None:
            file = self.repository.files.get(spec.file)
            if file is None:
                raise CheckpointError(
                    f"{self.repository.name} names {spec.file} in its {FILE_NAME} and does not hold it"
                )
            if not spec.file.endswith(SUFFIXES):
                raise CheckpointError(f"{self._shown(file)} is no weight file, expected one of {', '.join(SUFFIXES)}")
            self._refuse_other_hash(file, file.sha256, spec)
            target = self.growing.folder / spec.file
            if spec in self.growing.models and target.is_file() and sha256_of(target) == spec.sha256:
                print_known(spec)
                return
            fetched = self._fetch(file)
            self._refuse_other_hash(file, sha256_of(fetched), spec)
            target.parent.mkdir(parents=True, exist_ok=True)
            fetched.replace(target)
        added = self.growing.add(
            spec,
            theirs.labels,
            trained=theirs.trained,
            name=theirs.name,
            ensemble_temperature=theirs.ensemble_temperature,
        )
        print_imported(added, self.repository.name)

    def _checkpoint(self, stem: str, file: RemoteFile) -> None:
        folder = self.growing.folder
        for model in self.growing.models:
            if model.name == stem and model.file and file.sha256 and model.source == file.sha256:
                target = folder / model.file
                if target.is_file() and sha256_of(target) == model.sha256:
                    print_known(model)
                    return
        path = PurePosixPath(file.path)
        fetched = self._fetch(file)
        named = fetched.rename(fetched.with_name(f"{stem}{path.suffix.lower()}"))
        try:
            checkpoint = read_checkpoint(named)
            if checkpoint.identity.backbone != _STEMS[stem][0]:
                raise CheckpointError(f"{self._shown(file)}: holds a {checkpoint.identity.backbone}, not a {stem}")
            taken = self.growing.take(checkpoint, _STEMS[stem][1], source=file.sha256)
        finally:
            named.unlink()
        print_imported(taken, self._shown(file))

    def _fetch(self, file: RemoteFile) -> Path:
        task = self.progress.add_task(escape(file.path), total=file.bytes)
        try:
            return self.repository.fetch(
                file, self.growing.folder / DOWNLOADS, lambda there: self.progress.update(task, completed=there)
            )
        finally:
            self.progress.remove_task(task)

    def _refuse_other_hash(self, file: RemoteFile, found: str | None, spec: ModelSpec) -> None:
        if found is not None and found != spec.sha256:
            raise CheckpointError(
                f"{self._shown(file)}: has the SHA-256 {found}, {FILE_NAME} there expects {spec.sha256}"
            )

    def _shown(self, file: RemoteFile) -> str:
        return f"{self.repository.name}/{file.path}"

    @contextlib.contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except WeightsError as error:
            self.errors.print(f"refused: {error}", style="red", markup=False, highlight=False, soft_wrap=True)
            self.status = os.EX_CONFIG


def _checkpoints(repository: Repository) -> dict[str, RemoteFile]:
    """The weight files whose own or whose folder's name is a model's, by that name; of several the safest format."""
    found: dict[str, RemoteFile] = {}
    for suffix in SUFFIXES:
        for path, file in sorted(repository.files.items()):
            place = PurePosixPath(path)
            if place.suffix.lower() == suffix:
                for name in (place.parent.name, place.stem):
                    stem = canonical_name(name.lower())
                    if stem in _STEMS:
                        found.setdefault(stem, file)
    return found
