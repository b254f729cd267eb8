"""Tests of `weights verify`: a line for each model, and the exit status when one is bad."""

import hashlib
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ccmusicd.weights.importing import import_files
from ccmusicd.weights.verifying import verify


def test_each_model_is_told_and_a_bad_one_ends_with_78(
    light_bundle: Path, tmp_path: Path, upstream: dict[str, Tensor], capsys: pytest.CaptureFixture[str]
) -> None:
    for kind in ("cqt", "mel"):
        torch.save(upstream, tmp_path / f"a_{kind}.pt")
    files = [tmp_path / "a_cqt.pt", tmp_path / "a_mel.pt"]
    import_files(files, str(tmp_path / "mine"), spectrogram=None, profile="seed", labels=None)
    capsys.readouterr()
    assert verify([str(tmp_path / "mine"), str(light_bundle), "ccmusic"]) == os.EX_OK
    lines = capsys.readouterr().out.splitlines()
    good = tmp_path / "mine" / "mobilenet_v3_large_mel.safetensors"
    assert lines[1:] == [
        f"ok   mobilenet_v3_large_mel: {good} {hashlib.sha256(good.read_bytes()).hexdigest()}",
        "ok   mobilenet_v3_large_cqt: random weights of seed 1",
        "ok   mobilenet_v3_large_mel: random weights of seed 1",
        "ccmusic: no models yet",
    ]
    damaged = tmp_path / "mine" / "mobilenet_v3_large_cqt.safetensors"
    expected = hashlib.sha256(damaged.read_bytes()).hexdigest()
    damaged.write_bytes(b"half a file")
    found = hashlib.sha256(b"half a file").hexdigest()
    assert verify([str(tmp_path / "mine")]) == os.EX_CONFIG
    bad, ok = capsys.readouterr().out.splitlines()
    assert bad == f"bad  mobilenet_v3_large_cqt: {damaged}: has the SHA-256 {found}, the bundle expects {expected}"
    assert ok == lines[1]
