"""Tests of the registry of networks: heads, key layouts, seeds."""

import itertools

import pytest
import torch
from torch import nn
from torchvision import models

from ccmusic_stream.errors import BundleError
from ccmusic_stream.models.backbones import REGISTRY, build, canonical_head, ccmusic_widths, layout, skeleton
from ccmusic_stream.models.bundle import BACKBONES, HEADS

_ALL = list(itertools.product(BACKBONES, HEADS))


def _spectrograms() -> torch.Tensor:
    """Pictures (4, 3, 224, 224) in -1 to 1 of a chord, a rising tone, clicks and swelling noise."""
    time = torch.arange(10 * 22_050) / 22_050
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(5))
    chord = sum((torch.sin(2 * torch.pi * pitch * time) for pitch in (220, 277, 330, 440, 880)), torch.zeros(()))
    sounds = [chord, torch.sin(2 * torch.pi * (100 + 200 * time) * time), (time % 0.5 < 0.01) * noise, time * noise]
    power = (
        torch.stft(torch.stack(sounds) + 0.01 * noise, 2048, 512, window=torch.hann_window(2048), return_complex=True)
        .abs()
        .square()
    )  # (4, 1025, 431)
    decibels = torch.log(power + 1e-6)
    low, high = decibels.amin((1, 2), keepdim=True), decibels.amax((1, 2), keepdim=True)
    grey = ((decibels - low) / (high - low))[:, None]
    return nn.functional.interpolate(grey, size=(224, 224), mode="area").expand(-1, 3, -1, -1) * 2 - 1


def _linear_layers(network: nn.Module, prefix: str) -> dict[str, tuple[int, int]]:
    return {
        name: (layer.in_features, layer.out_features)
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear) and name.startswith(prefix)
    }


def test_the_registry_has_exactly_the_names_known_without_torch() -> None:
    assert tuple(REGISTRY) == BACKBONES


@pytest.mark.parametrize(("backbone", "head"), _ALL)
def test_every_network_takes_a_picture_and_gives_one_logit_per_class(backbone: str, head: str) -> None:
    network = skeleton(backbone, head, 13)
    assert not network.training
    assert network(torch.empty(2, 3, 224, 224, device="meta")).shape == (2, 13)


@pytest.mark.parametrize(("backbone", "head"), _ALL)
def test_everything_in_a_network_is_in_its_state_dict(backbone: str, head: str) -> None:
    # What were not would stay unset when a skeleton is fitted with a file.
    network = skeleton(backbone, head, 13)
    held = {name for name, _ in itertools.chain(network.named_parameters(), network.named_buffers())}
    assert held == set(network.state_dict())


@pytest.mark.parametrize("backbone", BACKBONES)
def test_the_linear_head_is_torchvisions_own(backbone: str) -> None:
    with torch.device("meta"):
        options = {"aux_logits": False, "init_weights": False} if backbone == "inception_v3" else {}
        own = models.get_model(backbone, weights=None, num_classes=13, **options)
    assert [(key, value.shape) for key, value in skeleton(backbone, "linear", 13).state_dict().items()] == [
        (key, value.shape) for key, value in own.state_dict().items()
    ]


@pytest.mark.parametrize(
    ("features", "widths"),
    [
        (25_088, (3958, 629, 100)),
        (2048, (598, 178, 53)),
        (1280, (418, 140, 47)),
        (1024, (359, 127, 45)),
        (960, (339, 122, 44)),
        (768, (289, 110, 42)),
        (576, (232, 95, 39)),
    ],
)
def test_the_widths_of_upstreams_head_are_upstreams(features: int, widths: tuple[int, int, int]) -> None:
    assert ccmusic_widths(features, 16) == widths


@pytest.mark.parametrize(
    ("backbone", "prefix", "places", "features"),
    [
        ("vgg19_bn", "classifier.", (1, 4, 7, 9), 25_088),
        ("resnet50", "fc.", (1, 4, 7, 9), 2048),
        ("densenet121", "classifier.", (1, 4, 7, 9), 1024),
        ("efficientnet_b0", "classifier.", (1, 4, 7, 9), 1280),
        ("mobilenet_v3_large", "classifier.", (1, 4, 7, 9), 960),
        ("convnext_base", "classifier.", (3, 6, 9, 11), 1024),
        ("inception_v3", "fc.", (1, 4, 7, 9), 2048),
        ("swin_b", "head.", (1, 4, 7, 9), 1024),
        ("vit_b_16", "heads.head.", (1, 4, 7, 9), 768),
    ],
)
def test_upstreams_head_has_upstreams_keys(backbone: str, prefix: str, places: tuple[int, ...], features: int) -> None:
    first, second, third = ccmusic_widths(features, 16)
    shapes = [(features, first), (first, second), (second, third), (third, 16)]
    expected = {f"{prefix}{place}": shape for place, shape in zip(places, shapes, strict=True)}
    network = skeleton(backbone, "ccmusic", 16)
    assert _linear_layers(network, prefix) == expected
    # Beside its linear layers, the head holds nothing with weights except ConvNeXt's norm.
    others = {key for key in network.state_dict() if key.startswith(prefix) and key.rpartition(".")[0] not in expected}
    assert others == ({"classifier.0.weight", "classifier.0.bias"} if backbone == "convnext_base" else set())


@pytest.mark.parametrize(
    ("backbone", "layers"),
    [
        ("vgg19_bn", {"classifier": (512, 13)}),
        ("resnet50", {"fc": (2048, 13)}),
        ("densenet121", {"classifier": (1024, 13)}),
        ("efficientnet_b0", {"classifier.1": (1280, 13)}),
        ("mobilenet_v3_large", {"classifier": (960, 13)}),
        ("convnext_base", {"classifier.2": (1024, 13)}),
        ("inception_v3", {"fc": (2048, 13)}),
        ("swin_b", {"head": (1024, 13)}),
        ("vit_b_16", {"heads": (768, 13)}),
    ],
)
def test_the_gap_head_is_one_linear_layer(backbone: str, layers: dict[str, tuple[int, int]]) -> None:
    network = skeleton(backbone, "gap", 13)
    assert _linear_layers(network, next(iter(layers)).split(".")[0]) == layers


@pytest.mark.parametrize("backbone", BACKBONES)
def test_heads_change_nothing_of_the_body(backbone: str) -> None:
    assert layout(backbone, "linear").body == layout(backbone, "gap").body == layout(backbone, "ccmusic").body


@pytest.mark.parametrize("backbone", BACKBONES)
def test_gap_is_called_linear_exactly_where_it_is_the_same_network(backbone: str) -> None:
    same = layout(backbone, "gap").head == layout(backbone, "linear").head
    assert (canonical_head(backbone, "gap") == "linear") == same
    assert same == (backbone not in {"vgg19_bn", "mobilenet_v3_large", "vit_b_16"})


def test_vits_gap_head_sees_the_mean_of_the_pictures_tokens() -> None:
    with torch.random.fork_rng(devices=[]):
        network = build("vit_b_16", "gap", 5)
    encoded: list[torch.Tensor] = []
    network.get_submodule("encoder").register_forward_hook(lambda _module, _inputs, output: encoded.append(output))
    with torch.no_grad():
        logits = network(_spectrograms()[:1])
        expected = network.get_submodule("heads")(encoded[0][:, 1:].mean(dim=1))
    assert encoded[0].shape == (1, 197, 768)
    assert torch.equal(logits, expected)


def test_a_seed_gives_the_same_network_again_and_another_seed_another() -> None:
    first, again, other = (build("mobilenet_v3_large", "gap", 13, seed=seed).state_dict() for seed in (3, 3, 4))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert not torch.equal(first["features.0.0.weight"], other["features.0.0.weight"])


def test_a_seed_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    build("mobilenet_v3_large", "gap", 13, seed=3)
    assert torch.equal(torch.get_rng_state(), before)


def test_without_a_seed_the_global_generator_draws() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(3)
        first = build("mobilenet_v3_large", "gap", 13).state_dict()["features.0.0.weight"]
        second = build("mobilenet_v3_large", "gap", 13).state_dict()["features.0.0.weight"]
    assert not torch.equal(first, second)


@pytest.mark.parametrize(
    ("backbone", "head"),
    [
        ("efficientnet_b0", "gap"),
        ("mobilenet_v3_large", "gap"),
        ("resnet50", "gap"),
        ("inception_v3", "linear"),
        ("vit_b_16", "linear"),
    ],
)
def test_a_seeded_network_is_not_degenerate(backbone: str, head: str) -> None:
    # Drawn as torchvision draws them, the first two and the last answer the same to everything, the fourth is certain.
    network = build(backbone, head, 13, seed=1)
    with torch.no_grad():
        probabilities = network(_spectrograms()).softmax(dim=1)
    assert probabilities.max() < 0.95
    assert probabilities.max(dim=1).values.min() > 1.3 / 13
    for one, other in itertools.combinations(probabilities, 2):
        assert (one - other).abs().max() > 1e-3
    assert not any(module.training for module in network.modules())


def test_unknown_names_are_refused() -> None:
    with pytest.raises(BundleError, match="unknown backbone 'alexnet', expected one of vgg19_bn"):
        build("alexnet", "gap", 13)
    with pytest.raises(BundleError, match="unknown head 'mlp', expected one of linear"):
        build("resnet50", "mlp", 13)


def test_an_alias_is_built() -> None:
    with torch.device("meta"):
        assert isinstance(build("mobilenetv3", "gap", 13), models.MobileNetV3)
