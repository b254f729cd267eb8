"""The main process never loads torch: it must start at once and live on when the analyzer dies.

Nor does a command before it has found that it can be carried out; nor the analyzer torchvision for kept conversions.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

FREE_OF_TORCH = (
    "ccmusic_stream",
    "ccmusic_stream.errors",
    "ccmusic_stream.labels",
    "ccmusic_stream.ring",
    "ccmusic_stream.clock",
    "ccmusic_stream.level",
    "ccmusic_stream.geometry",
    "ccmusic_stream.ensemble",
    "ccmusic_stream.rolling",
    "ccmusic_stream.segments",
    "ccmusic_stream.models.bundle",
    "ccmusic_stream.models.digest",
    "ccmusicd.events",
    "ccmusicd.hub",
    "ccmusicd.settings",
    "ccmusicd.analyzer",
    "ccmusicd.onair",
    "ccmusicd.station",
    "ccmusicd.app",
    "ccmusicd.cli",
    "ccmusicd.refusals",
)
HEAVY = ("torch", "torchaudio", "torchvision", "nnAudio")

PROBE = f"""
import importlib, json, sys
loaded = {{}}
for name in {FREE_OF_TORCH!r}:
    importlib.import_module(name)
    found = [heavy for heavy in {HEAVY!r} if heavy in sys.modules]
    if found:
        loaded[name] = found
        break
print(json.dumps(loaded))
"""


def test_importing_the_main_process_does_not_import_torch() -> None:
    done = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}, "the first module that loads torch, by itself or by another"


def test_the_analyzer_does_not_import_torchvision_before_it_builds_a_network() -> None:
    # Half of all that it would import: it is ready seconds later with it, and a hundred megabytes larger.
    probe = "import sys, ccmusicd.analyzer_child; print('torch' in sys.modules, 'torchvision' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("True False\n", "")


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["/nonexistent.wav", __file__], 66, "'/nonexistent.wav' cannot be read: No such file or directory"),
        (["--pictures", "{file}", "x.wav"], 73, "cannot be made for the pictures: File exists"),
        (["--models", "nobody", "x.wav"], 78, "'nobody'"),
    ],
)
def test_classify_refuses_without_torch(arguments: list[str], status: int, words: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    given = [argument.format(file=file) for argument in arguments]
    line = [sys.executable, "-X", "importtime", "-m", "ccmusicd", "classify", *given]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
    imported = set(re.findall(r"^import time: .*\| +(\S+)$", done.stderr, re.MULTILINE))
    assert (done.returncode, done.stdout) == (status, "")
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "ccmusicd.cli" in imported
    assert imported.isdisjoint(HEAVY)
