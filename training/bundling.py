"""From trained networks to a bundle: compact weight files, calibration, `bundle.toml`."""

import copy
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ccmusic_stream.geometry import Spectrogram
from ccmusic_stream.labels import Label, Labels
from ccmusic_stream.models.backbones import build
from ccmusic_stream.models.bundle import FILE_NAME, SPECTROGRAMS, Bundle, ModelSpec, canonical_backbone
from ccmusic_stream.models.bundle_toml import bundle_toml
from ccmusic_stream.models.compact import METADATA, compress, restore
from ccmusic_stream.models.seeded import last_layer
from training.calibration import Calibration

HALF = (0.5, 0.5, 0.5)
"""Mean and standard deviation by which training normalises pictures."""


@dataclass(frozen=True, slots=True)
class Named:
    """A model's name taken apart: "vgg19_bn_cqt" is a vgg19_bn that looks at the CQT."""

    name: str
    backbone: str
    kind: Spectrogram

    @classmethod
    def of(cls, name: str) -> "Named":
        """Raises `BundleError` for an unknown backbone, `ValueError` when the spectrogram is missing."""
        stem, _, kind = name.rpartition("_")
        if kind not in SPECTROGRAMS:
            raise ValueError(f"a model is named BACKBONE_cqt or BACKBONE_mel, not {name!r}")
        backbone = canonical_backbone(stem)
        return cls(f"{backbone}_{kind}", backbone, cast("Spectrogram", kind))


def labels_for(genres: Sequence[str], known: Labels) -> Labels:
    """Labels of the genres found: those known, in their order; then the others by name, in English alone."""
    found = set(genres)
    own = [label for label in known if label.slug in found]
    others = sorted(found - {label.slug for label in own})
    words = {slug: slug.replace("_", " ").capitalize() for slug in others}
    return Labels([*own, *(Label(slug, words[slug], words[slug]) for slug in others)])


def genres_alone(state: Mapping[str, Tensor], backbone: str, classes: int) -> nn.Module:
    """The network that answers with genres only: what training added to the last layer is cut off."""
    network = build(backbone, "gap", classes)
    head, _ = last_layer(network)
    kept = {key: value[:classes] if key.rpartition(".")[0] == head else value for key, value in state.items()}
    network.load_state_dict(kept)
    return network.eval()


def as_shipped(network: nn.Module) -> nn.Module:
    """A copy of the network with the weights that its compact file gives back, in eval mode."""
    shipped = copy.deepcopy(network)
    shipped.load_state_dict(restore(compress(network.state_dict())))
    return shipped.eval()


@torch.no_grad()
def start_state(
    network: nn.Module, old: Labels, new: Labels, outputs: int, generator: torch.Generator
) -> dict[str, Tensor]:
    """Weights to go on from: a trained model's, its last layer's rows moved to where the new labels have them.

    Rows of labels that it did not know, and of facts, are small random numbers.
    """
    state = dict(network.state_dict())
    head, layer = last_layer(network)
    weight, bias = torch.randn(outputs, layer.in_features, generator=generator) * 0.01, torch.zeros(outputs)
    for index, label in enumerate(new):
        if label.slug in old.slugs:
            row = old.slugs.index(label.slug)
            weight[index], bias[index] = layer.weight[row], layer.bias[row]
    state[f"{head}.weight"], state[f"{head}.bias"] = weight, bias
    return state


def write_bundle(
    folder: Path,
    name: str,
    labels: Labels,
    networks: Mapping[str, nn.Module],
    profile: str,
    calibration: Calibration,
    validation: Mapping[str, Mapping[str, float]],
) -> Bundle:
    """Write compact weights and `bundle.toml` into `folder`; `validation` are figures by model."""
    folder.mkdir(parents=True, exist_ok=True)
    specs = []
    for model, network in networks.items():
        named = Named.of(model)
        file = f"{named.name}.safetensors"
        save_file(compress(network.state_dict()), folder / file, metadata=dict(METADATA))
        specs.append(
            ModelSpec(
                name=named.name,
                backbone=named.backbone,
                spectrogram=named.kind,
                head="gap",
                profile=profile,
                file=file,
                sha256=hashlib.sha256((folder / file).read_bytes()).hexdigest(),
                seed=None,
                mean=HALF,
                std=HALF,
                temperature=round(calibration.temperatures[model], 4),
                weight=round(calibration.weights[model], 4),
                validation=validation[model],
                folder=folder,
            )
        )
    bundle = Bundle(
        name, True, labels, tuple(specs), (folder,), ensemble_temperature=round(calibration.ensemble_temperature, 4)
    )
    (folder / FILE_NAME).write_text(bundle_toml(bundle), "utf-8")
    return bundle
