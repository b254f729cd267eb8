"""Tests of writing bundle.toml: what is read again is what was written."""

from dataclasses import replace
from pathlib import Path

import pytest

from ccmusic_stream.labels import Label, Labels
from ccmusic_stream.models.bundle import Bundle, parse_bundle, read_bundle
from ccmusic_stream.models.bundle_toml import bundle_toml

_WEIGHTS = Path(__file__).parents[3] / "weights"


def _again(bundle: Bundle) -> Bundle:
    return parse_bundle(bundle_toml(bundle).encode(), bundle.folders[0], "bundle.toml")


@pytest.mark.parametrize("name", ["starter", "ccmusic"])
def test_a_shipped_bundle_is_read_again_as_it_was(name: str) -> None:
    bundle = read_bundle(_WEIGHTS / name)
    assert _again(bundle) == bundle


def test_everything_that_a_model_may_have_is_kept() -> None:
    starter = read_bundle(_WEIGHTS / "starter")
    model = replace(
        starter.models[0],
        file="sub/a b.safetensors",
        sha256="0" * 64,
        source="f" * 64,
        seed=None,
        mean=(0.485, 1e-7, 0.0),
        std=(0.1, 1e22, 1.0),
        temperature=1.0625,
        weight=0.3,
        validation={"accuracy": 0.71, "odd \"key\" 'x'": 3.0},
    )
    bundle = replace(starter, trained=True, models=(model,), ensemble_temperature=0.85)
    again = _again(bundle)
    assert again == bundle
    assert again.models[0].validation == model.validation
    assert (again.models[0].weight, again.ensemble_temperature) == (0.3, 0.85)


@pytest.mark.parametrize(
    "name", ['say "hi"', "back\\slash", "two\nlines", "tab\tand\x7f\x01", "说唱 🎵", " # not a comment"]
)
def test_any_text_is_kept(name: str) -> None:
    labels = Labels([Label("a", name, name), Label("b", "B", "乙", music=False, parent="wide")])
    bundle = Bundle(name, trained=False, labels=labels, models=(), folders=(Path("folder"),))
    assert _again(bundle) == bundle
