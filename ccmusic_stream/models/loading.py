"""From a bundle's description to networks that answer, and what a weight file on its own turns out to be."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import nn

from ccmusic_stream.errors import CheckpointError
from ccmusic_stream.models.backbones import build, canonical_head, skeleton
from ccmusic_stream.models.bundle import Bundle, ModelSpec
from ccmusic_stream.models.checkpoint import (
    Identity,
    Report,
    check,
    compare,
    count_parameters,
    fit,
    identify,
    read_state_dict,
    read_weight_file,
)
from ccmusic_stream.models.digest import check_file, sha256_of


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a weight file is. `problem` says why no bundle could use it, None when one could.

    `dtypes` are those in the file; `compact`: it is stored as `models.compact` describes. `identity` and `report`
    (against the network it is identified as) are None when it fits no known network.
    """

    path: Path
    bytes: int
    sha256: str
    tensors: int
    parameters: int
    dtypes: tuple[str, ...]
    compact: bool
    identity: Identity | None
    report: Report | None
    problem: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "path": str(self.path),
            "bytes": self.bytes,
            "sha256": self.sha256,
            "tensors": self.tensors,
            "parameters": self.parameters,
            "dtypes": list(self.dtypes),
            "compact": self.compact,
            "identity": self.identity and asdict(self.identity),
            "report": self.report and self.report.to_dict(),
            "problem": self.problem,
        }


def load_model(spec: ModelSpec, bundle: Bundle) -> nn.Module:
    """The model's network in eval mode on the CPU, float32, without gradients: its logits are (n, labels).

    Raises `CheckpointError` when the file's hash, network or contents are not what the bundle says.
    """
    if spec.file is None:
        network = build(spec.backbone, spec.head, len(bundle.labels), seed=spec.seed)
    else:
        network = _load_file(spec.folder / spec.file, spec, len(bundle.labels))
    return network.requires_grad_(requires_grad=False)


def load_bundle(bundle: Bundle, names: Iterable[str] | None = None) -> tuple[dict[str, nn.Module], dict[str, str]]:
    """The models that loaded, and by name why others did not: one bad model never stops the rest.

    Raises `BundleError` when `names` holds one that the bundle does not have.
    """
    loaded: dict[str, nn.Module] = {}
    errors: dict[str, str] = {}
    for spec in bundle.chosen(names):
        try:
            loaded[spec.name] = load_model(spec, bundle)
        except CheckpointError as error:
            errors[spec.name] = str(error)
        except Exception as error:  # noqa: BLE001 (out of memory, a failing disk: the other models go on)
            errors[spec.name] = f"{spec.name} could not be loaded: {type(error).__name__}: {error}"
    return loaded, errors


def inspect(path: Path) -> Inspection:
    """Look at a weight file without a bundle. Raises `CheckpointError` when it cannot be read as one at all."""
    file = read_weight_file(path)
    state = file.state
    identity = report = problem = None
    try:
        identity = identify(state)
        network = skeleton(identity.backbone, identity.head, identity.classes)
        report = compare(network, state)
        check(network, state)
    except CheckpointError as error:
        problem = str(error)
    return Inspection(
        path=path,
        bytes=path.stat().st_size,
        sha256=sha256_of(path),
        tensors=len(state),
        parameters=count_parameters(state),
        dtypes=file.dtypes,
        compact=file.compact,
        identity=identity,
        report=report,
        problem=problem,
    )


def _load_file(path: Path, spec: ModelSpec, classes: int) -> nn.Module:
    if path.is_file():  # what is missing or no file is told by `read_state_dict`, better than by a hash
        check_file(spec)
    state = read_state_dict(path)
    try:
        _refuse_another_network(identify(state), spec)
        network = skeleton(spec.backbone, spec.head, classes)
        fit(network, state)
    except CheckpointError as error:
        raise CheckpointError(f"{path}: {error}") from None
    return network


def _refuse_another_network(identity: Identity, spec: ModelSpec) -> None:
    """Another number of classes is refused by `fit`, with the report."""
    for word, found, expected in (
        ("backbone", identity.backbone, spec.backbone),
        ("head", identity.head, canonical_head(spec.backbone, spec.head)),
    ):
        if found != expected:
            raise CheckpointError(f"its {word} is {found}, the bundle says {expected}")
