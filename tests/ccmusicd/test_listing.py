"""What `weights inspect` prints of a weight file."""

import os
import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from ccmusic_stream.models.backbones import skeleton
from ccmusic_stream.models.compact import METADATA, compress
from ccmusicd.listing import print_inspections


def _rows(file: Path, capsys: pytest.CaptureFixture[str], status: int) -> dict[str, str]:
    assert print_inspections([file], as_json=False) == status
    return dict(re.findall(r"│ (\w+) +│ (.*?) +│", capsys.readouterr().out))


def test_an_inspection_lists_what_matched_and_what_did_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    network = skeleton("mobilenet_v3_large", "gap", 3)
    state = {key: torch.zeros(value.shape) for key, value in network.state_dict().items()}
    torch.save(state, tmp_path / "good.pt")
    rows = _rows(tmp_path / "good.pt", capsys, os.EX_OK)
    assert (rows["network"], rows["head"], rows["classes"]) == ("mobilenet_v3_large", "gap", "3")
    assert [rows[word] for word in ("matched", "missing", "unexpected", "reshaped")] == ["264", "0", "0", "0"]
    assert rows["stored"] == "float32"
    assert rows["usable"] == "yes"

    save_file(compress(state), tmp_path / "compact.safetensors", dict(METADATA))
    rows = _rows(tmp_path / "compact.safetensors", capsys, os.EX_OK)
    assert (rows["matched"], rows["stored"], rows["usable"]) == ("264", "compact: float16, float32, int8", "yes")

    del state["features.0.0.weight"]
    state |= {f"features.17.{number}": torch.zeros(2) for number in range(9)}
    state |= {"loss.weight": torch.zeros(2), "classifier.bias": torch.zeros(5)}
    torch.save(state, tmp_path / "bad.pt")
    rows = _rows(tmp_path / "bad.pt", capsys, os.EX_CONFIG)
    assert rows["matched"] == "262"
    assert rows["missing"] == "1: features.0.0.weight"
    assert rows["unexpected"].startswith("9: features.17.0, features.17.1, ")
    assert rows["unexpected"].endswith("features.17.7, and 1 more")
    assert rows["reshaped"] == "1: classifier.bias: 5 found, 3 expected"
    assert rows["foreign"] == "1: loss.weight"
    assert rows["usable"].startswith("no: does not cover the network wholly: ")
