"""The same seed writes the same pieces in every process, whatever Python's hash seed is."""

import os
import subprocess
import sys

_PROGRAM = """
import hashlib, importlib
import numpy as np
digest = hashlib.sha256()
for genre in ("classical jazz electronic rock hip_hop folk metal rnb reggae world pop ambient speech").split():
    compose = importlib.import_module(f"ccmusicd.capture.music.composers.{genre}").compose
    for seed in range(12):
        digest.update(repr(compose(np.random.default_rng(seed), 30.0)).encode())
print(digest.hexdigest())
"""


def _digest(hash_seed: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_pieces_do_not_depend_on_the_hash_seed() -> None:
    assert len({_digest(hash_seed) for hash_seed in ("0", "1", "2")}) == 1
