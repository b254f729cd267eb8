"""What an analyzer child loads: the models that were ordered, of all bundles."""

from pathlib import Path

from ccmusicd.analyzer import Order
from ccmusicd.analyzer_child import start
from ccmusicd.weights.bundles import open_bundle


def test_a_child_joins_the_bundles_as_the_parent_did(light_bundle: Path, tmp_path: Path) -> None:
    text = (light_bundle / "bundle.toml").read_text(encoding="utf-8").replace('"light"', '"late"')
    (tmp_path / "bundle.toml").write_text(text, encoding="utf-8")
    bundle = open_bundle([str(light_bundle), str(tmp_path)])
    names = [model.name for model in bundle.models if model.name != "mobilenet_v3_large_mel_light"]
    order = Order(
        bundle.folders, bundle.labels.slugs, "cpu", names, runtime="auto", cache=tmp_path, stations=1, measured_hops=1
    )
    _, ready = start(order)
    assert ready["models"] == {
        "mobilenet_v3_large_cqt_light": None,
        "mobilenet_v3_large_cqt_late": None,
        "mobilenet_v3_large_mel_late": None,
    }
