"""Bundles of trained networks: what the engine reads back answers as the network that was trained."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ccmusic_stream.errors import BundleError
from ccmusic_stream.labels import Label, Labels
from ccmusic_stream.models.backbones import build
from ccmusic_stream.models.bundle import read_bundle
from ccmusic_stream.models.loading import load_model
from ccmusic_stream.models.seeded import last_layer
from training.bundling import Named, genres_alone, labels_for, start_state, write_bundle
from training.calibration import Calibration
from training.networks import network_of

KNOWN = Labels(
    [Label("rock", "Rock", "摇滚"), Label("jazz", "Jazz", "爵士"), Label("speech", "Talk", "谈话", music=False)]
)


@pytest.fixture(scope="module")
def network() -> nn.Module:
    return build("mobilenet_v3_large", "gap", 3, seed=5)


def test_a_models_name_is_taken_apart() -> None:
    assert Named.of("vgg19_bn_cqt") == Named("vgg19_bn_cqt", "vgg19_bn", "cqt")
    assert Named.of("mobilenetv3_mel") == Named("mobilenet_v3_large_mel", "mobilenet_v3_large", "mel")
    with pytest.raises(ValueError, match="BACKBONE_cqt"):
        Named.of("vgg19_bn")
    with pytest.raises(BundleError, match="lenet"):
        Named.of("lenet_mel")


def test_labels_are_those_known_in_their_order_then_the_others_by_name() -> None:
    labels = labels_for(["polka", "speech", "rock", "drum_and_bass"], KNOWN)
    assert labels.slugs == ("rock", "speech", "drum_and_bass", "polka")
    assert labels.named("speech") == KNOWN.named("speech")
    assert labels.named("drum_and_bass").en == "Drum and bass"
    assert all(labels.named(slug).music for slug in ("drum_and_bass", "polka"))


def test_the_heads_for_facts_are_cut_off() -> None:
    torch.manual_seed(0)
    trained = network_of("mobilenet_v3_large", 3 + 4).eval()
    alone = genres_alone(trained.state_dict(), "mobilenet_v3_large", 3)
    shown = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        torch.testing.assert_close(alone(shown), trained(shown)[:, :3])
    assert not alone.training


def test_a_start_moves_rows_to_where_the_new_labels_are(network: nn.Module) -> None:
    new = Labels([Label("polka", "Polka", "Polka"), KNOWN.named("jazz"), KNOWN.named("rock")])
    state = start_state(network, KNOWN, new, 5, torch.Generator().manual_seed(1))
    again = start_state(network, KNOWN, new, 5, torch.Generator().manual_seed(1))
    name, layer = last_layer(network)
    weight, bias = state[f"{name}.weight"], state[f"{name}.bias"]
    assert weight.shape == (5, 960)
    for index, row in ((1, 1), (2, 0)):
        torch.testing.assert_close(weight[index], layer.weight[row])
        torch.testing.assert_close(bias[index], layer.bias[row])
    for index in (0, 3, 4):
        assert 0 < float(weight[index].abs().max()) < 0.06
        assert bias[index] == 0
    assert all(torch.equal(state[key], again[key]) for key in state)
    network_of("mobilenet_v3_large", 5).load_state_dict(state)


def test_a_written_bundle_is_read_and_answers_as_the_network(network: nn.Module, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    name = "mobilenet_v3_large_mel"
    calibration = Calibration({name: 1.23456}, {name: 1.0}, 0.87654, 1.0, 0.9)
    written = write_bundle(folder, "mine", KNOWN, {name: network}, "floor80", calibration, {name: {"top1": 0.5}})
    bundle = read_bundle(folder)
    assert bundle == written
    assert bundle.trained
    assert bundle.labels == KNOWN
    assert bundle.ensemble_temperature == 0.8765
    (spec,) = bundle.models
    assert (spec.name, spec.head, spec.profile, spec.temperature) == (name, "gap", "floor80", 1.2346)
    assert spec.validation == {"top1": 0.5}
    assert (folder / f"{name}.safetensors").stat().st_size < 4_500_000  # eight bits a weight
    shown = torch.from_numpy(np.random.default_rng(2).uniform(-1, 1, (4, 3, 224, 224)).astype(np.float32))
    with torch.inference_mode():
        expected, answers = network(shown), load_model(spec, bundle)(shown)
    # Untrained, its logits are pulled apart from next to nothing: trained ones lose less to eight bits.
    assert float((answers - expected).abs().max()) < 0.25 * float(expected.std())
    assert not torch.equal(answers, expected)
