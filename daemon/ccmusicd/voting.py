"""A bundle's models, ready to vote on this machine's device by the quickest means that is faithful."""

import atexit
import logging
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch import nn

from ccmusic_stream.errors import CcmusicError, CheckpointError
from ccmusic_stream.models.bundle import Bundle, ModelSpec
from ccmusic_stream.models.digest import check_file
from ccmusic_stream.runtimes import Runtime
from ccmusic_stream.runtimes.cpu import CpuVoters, Network, Scheme, TorchNetwork
from ccmusic_stream.votes import Voters

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The models that vote; by name why others do not; by name what each one runs on (as "ncnn", "cuda float16")."""

    voters: Voters
    refused: dict[str, str]
    runtimes: dict[str, str]


def load_voters(
    bundle: Bundle,
    names: Iterable[str] | None,
    device: torch.device,
    *,
    runtime: Runtime = "auto",
    cache_folder: Path | None = None,
) -> Loaded:
    """Load the chosen models (None: all) onto the device. One bad model never stops the rest.

    Raises:
        CcmusicError: none of the models can be used, or the bundle does not have one of the names.
    """
    loaded = _on_cuda(bundle, names, device) if device.type == "cuda" else _on_cpu(bundle, names, runtime, cache_folder)
    if not loaded.voters.names:
        raise CcmusicError(f"no model of bundle {bundle.name} can be used: {'; '.join(loaded.refused.values())}")
    return loaded


def _on_cuda(bundle: Bundle, names: Iterable[str] | None, device: torch.device) -> Loaded:
    # Here, as most machines need neither: torchvision takes seconds to import.
    from ccmusic_stream.models.loading import load_bundle  # noqa: PLC0415
    from ccmusic_stream.runtimes.cuda import CudaVoters  # noqa: PLC0415

    networks, refused = load_bundle(bundle, names)
    voters = CudaVoters({spec.name: spec for spec in bundle.models}, networks, device)
    return Loaded(voters, refused, {name: f"cuda {precision}" for name, precision in voters.precisions.items()})


def _on_cpu(bundle: Bundle, names: Iterable[str] | None, runtime: Runtime, cache_folder: Path | None) -> Loaded:
    networks: dict[str, Network] = {}
    refused: dict[str, str] = {}
    runtimes: dict[str, str] = {}
    for spec in bundle.chosen(names):
        try:
            networks[spec.name], runtimes[spec.name] = _network(spec, bundle, runtime, cache_folder or _scratch())
        except CheckpointError as error:
            refused[spec.name] = str(error)
        except Exception as error:  # noqa: BLE001 (out of memory, a failing disk: the other models go on)
            refused[spec.name] = f"{spec.name} could not be loaded: {type(error).__name__}: {error}"
    cores = len(os.sched_getaffinity(0))
    return Loaded(CpuVoters({spec.name: spec for spec in bundle.models}, networks, Scheme(1, cores)), refused, runtimes)


@cache
def _scratch() -> Path:
    """Where conversions lie, as long as this process lives, when nothing can be kept."""
    folder = tempfile.TemporaryDirectory(prefix="ccmusic-stream-")
    atexit.register(folder.cleanup)
    return Path(folder.name)


def _network(spec: ModelSpec, bundle: Bundle, runtime: Runtime, cache_folder: Path) -> tuple[Network, str]:
    def load() -> nn.Module:
        from ccmusic_stream.models.loading import load_model  # noqa: PLC0415 - torchvision: not for what is converted

        return load_model(spec, bundle)

    if runtime != "torch":
        from ccmusicd.conversion import ConversionError, converted, convertible  # noqa: PLC0415 - not for torch

        check_file(spec)  # a conversion is as good as the file that it was made from
        try:
            if convertible(spec) or runtime == "ncnn":
                return converted(spec, len(bundle.labels), load, cache_folder), "ncnn"
        except (ConversionError, OSError) as error:
            log.warning("torch runs %s: %s", spec.name, error)
    return TorchNetwork(load()), "torch"
