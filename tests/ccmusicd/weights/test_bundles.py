"""Tests of finding bundles by path and name, and of choosing among their models."""

from pathlib import Path

import pytest

from ccmusic_stream.errors import BundleError
from ccmusicd.resources import bundle_folder, own_bundle_folder, resource
from ccmusicd.weights.bundles import models_to_use, open_bundle

_LABELS = 'name = "{name}"\n[[labels]]\nslug = "a"\nen = "A"\nzh = "甲"\n[[labels]]\nslug = "b"\nen = "B"\nzh = "乙"\n'


def _bundle(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "bundle.toml").write_text(_LABELS.format(name=folder.name), encoding="utf-8")
    return folder


def test_a_name_is_the_users_own_bundle_before_a_shipped_one(own_data: Path) -> None:
    assert bundle_folder("starter") == resource("weights") / "starter"
    assert bundle_folder("starter") != own_bundle_folder("starter") == own_data / "starter"
    mine = _bundle(own_data / "starter")
    assert bundle_folder("starter") == own_bundle_folder("starter") == mine
    night = _bundle(own_data / "night")
    assert bundle_folder("night") == own_bundle_folder("night") == night


def test_everything_else_is_a_path(own_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/dj")
    _bundle(own_data / "a" / "night")
    for find in (bundle_folder, own_bundle_folder):
        assert find("~/night") == Path("/home/dj/night")
        assert find("night") == Path("night")
        assert find("a/night") == Path("a/night")
        assert find("./starter") == Path("starter")


def test_a_home_that_is_closed_hides_no_shipped_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As under systemd's ProtectHome; whoever runs the tests may be root, so the way there is a file.
    (tmp_path / "closed").write_text("")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "closed"))
    assert bundle_folder("starter") == resource("weights") / "starter"


def test_without_xdg_data_home_the_users_bundles_are_under_the_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", "/home/dj")
    assert own_bundle_folder("starter") == Path("/home/dj/.local/share/ccmusic-stream/bundles/starter")


def test_several_names_open_as_one_bundle(tmp_path: Path) -> None:
    opened = open_bundle([str(_bundle(tmp_path / "one")), str(_bundle(tmp_path / "two"))])
    assert opened.folders == (tmp_path / "one", tmp_path / "two")


def test_labels_alone_are_no_models_to_use(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="bundle 'one' holds labels but no models yet: 'ccmusicd weights pull REPO'"):
        models_to_use(open_bundle([str(_bundle(tmp_path / "one"))]), [])


def test_presets_choose_among_the_models() -> None:
    starter = open_bundle(["starter"])
    assert [model.name for model in models_to_use(starter, ["border"])] == ["resnet50_mel", "densenet121_cqt"]
    assert models_to_use(starter, []) == starter.models
