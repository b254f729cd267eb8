"""Benchmarks are scripts beside each other: their folder comes last where modules are looked for."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
