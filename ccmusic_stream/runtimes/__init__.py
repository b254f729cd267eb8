"""What the networks run on: torch and ncnn on a CPU, torch with captured graphs on a GPU. Free of torch itself."""

from typing import Literal

Runtime = Literal["auto", "torch", "ncnn"]
"""What networks on a CPU run on; "auto" is ncnn for each model where it is faster and faithful, else torch."""
