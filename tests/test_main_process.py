"""The main process never loads torch: it must start at once and live on when the analyzer dies."""

import json
import subprocess
import sys

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
    "ccmusicd.events",
    "ccmusicd.hub",
    "ccmusicd.settings",
    "ccmusicd.analyzer",
    "ccmusicd.onair",
    "ccmusicd.station",
    "ccmusicd.app",
    "ccmusicd.cli",
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
