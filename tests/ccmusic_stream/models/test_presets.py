"""Tests of presets: what they choose, and what is said of those that cannot be had."""

from dataclasses import replace
from pathlib import Path

import pytest

from ccmusic_stream.errors import BundleError
from ccmusic_stream.models.bundle import Bundle, read_bundle
from ccmusic_stream.models.presets import PRESETS, chosen_models, chosen_stems

_STARTER = read_bundle(Path(__file__).parents[3] / "weights" / "starter")


def _chosen(*words: str, bundle: Bundle = _STARTER) -> list[str]:
    return [model.name for model in chosen_models(bundle, words)]


@pytest.mark.parametrize(
    ("preset", "names"),
    [
        ("accurate", ["vgg19_bn_cqt"]),
        ("fast", ["mobilenet_v3_large_cqt"]),
        ("border", ["resnet50_mel", "densenet121_cqt"]),
        ("light", ["efficientnet_b0_mel"]),
        ("all", [model.name for model in _STARTER.models]),
    ],
)
def test_a_preset_is_what_the_article_advises(preset: str, names: list[str]) -> None:
    assert _chosen(preset) == names


def test_no_word_means_all() -> None:
    assert _chosen() == _chosen("all")


def test_presets_and_names_add_up_in_the_bundles_order() -> None:
    assert _chosen("mobilenetv3_cqt", "light", "accurate") == [
        "vgg19_bn_cqt",
        "efficientnet_b0_mel",
        "mobilenet_v3_large_cqt",
    ]


def test_a_preset_takes_every_training_of_its_network() -> None:
    first = _STARTER.models[0]
    bundle = replace(_STARTER, models=(first, replace(first, name="vgg19_bn_cqt_live"), *_STARTER.models[1:]))
    assert _chosen("accurate", bundle=bundle) == ["vgg19_bn_cqt", "vgg19_bn_cqt_live"]
    assert _chosen("vgg19_bn_cqt", bundle=bundle) == ["vgg19_bn_cqt"]


def test_an_unknown_word_is_answered_with_what_there_is() -> None:
    with pytest.raises(BundleError) as caught:
        _chosen("quick")
    assert str(caught.value) == (
        "bundle 'starter' has no model or preset 'quick'; it has vgg19_bn_cqt, resnet50_mel, densenet121_cqt, "
        "efficientnet_b0_mel, mobilenet_v3_large_cqt; presets are accurate, fast, border, light, all"
    )


def test_a_preset_that_is_not_wholly_there_is_refused() -> None:
    bundle = replace(_STARTER, models=_STARTER.models[:2])
    with pytest.raises(
        BundleError, match=r"preset 'border' is resnet50_mel and densenet121_cqt, but bundle 'starter' "
    ):
        _chosen("border", bundle=bundle)


def test_stems_are_chosen_alike_before_there_is_a_bundle() -> None:
    stems = ["swin_b_mel", "vgg19_bn_cqt", "vgg19_bn_mel"]
    assert chosen_stems(stems, [], of="a/b") == chosen_stems(stems, ["all"], of="a/b") == tuple(stems)
    assert chosen_stems(stems, ["vgg19_bn_mel", "accurate"], of="a/b") == ("vgg19_bn_cqt", "vgg19_bn_mel")
    with pytest.raises(BundleError, match="a/b has no model or preset 'vit_b_16_cqt'; it has swin_b_mel, vgg19"):
        chosen_stems(stems, ["vit_b_16_cqt"], of="a/b")
    with pytest.raises(BundleError, match="preset 'light' is efficientnet_b0_mel, but a/b has no efficientnet_b0_mel"):
        chosen_stems(stems, ["light"], of="a/b")


def test_no_preset_is_called_all() -> None:
    assert "all" not in PRESETS
