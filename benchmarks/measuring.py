"""What benchmarks share: measuring alternately, so that a noisy machine disturbs all alike, and the machine itself."""

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.flop_counter import FlopCounterMode

from ccmusic_stream.clip import CLIP_SAMPLES
from ccmusic_stream.geometry import SAMPLE_RATE

WARM_UPS = 3


def alternately(
    works: Mapping[str, Callable[[], object]], rounds: int, *, prepare: Mapping[str, Callable[[], None]] | None = None
) -> dict[str, list[float]]:
    """Milliseconds of each work, one after the other in every round; `prepare[name]` runs before it, not timed."""
    before = prepare or {}
    times: dict[str, list[float]] = {name: [] for name in works}
    for round_ in range(WARM_UPS + rounds):
        for name, work in works.items():
            before.get(name, lambda: None)()
            started = time.perf_counter()
            work()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if round_ >= WARM_UPS:
                times[name].append((time.perf_counter() - started) * 1e3)
    return times


def medians(times: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """The median of each, in milliseconds."""
    return {name: round(statistics.median(values), 3) for name, values in times.items()}


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine(device: torch.device) -> dict[str, Any]:
    """What was measured on."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), "")
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        "cpu": cpu.partition(": ")[2] or platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "load_average": round(os.getloadavg()[0], 2),
    }


def matrix_peak_gflop_s(device: torch.device, dtype: torch.dtype = torch.float32) -> float:
    """The most that a product of square matrices reaches on all cores here: the best of several sizes and tries."""
    best = 0.0
    for size in (1_024, 2_048, 8_192) if device.type == "cuda" else (512, 1_024, 2_048):
        one = torch.rand(size, size, device=device, dtype=dtype)
        times = alternately({"product": lambda one=one: one @ one}, 8)["product"]  # type: ignore[misc]
        best = max(best, 2 * size**3 / min(times) / 1e6)
    return best


def gflop(network: torch.nn.Module) -> float:
    """10⁹ floating-point operations of one forward pass on one picture."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.zeros(1, 3, 224, 224))
    return float(counter.get_total_flops()) / 1e9


def rss_kib() -> int:
    """Resident memory of this process in KiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def noise(samples: int, seed: int = 0) -> NDArray[np.float32]:
    """Noise whose loudness and colour change, shape (samples,)."""
    random = np.random.default_rng(seed)
    white = random.standard_normal(samples, dtype=np.float32)
    swell = 0.3 + 0.2 * np.sin(np.arange(samples) / SAMPLE_RATE, dtype=np.float32)
    return np.asarray(swell * np.convolve(white, random.random(8), mode="same"), np.float32)


def clips(folder: Path, most: int) -> Iterator[NDArray[np.float32]]:
    """The first 10 s of recordings below `folder`, spread over it, mono at 22,050 Hz: shape (220,500,) each."""
    files = sorted(path for path in folder.rglob("*") if path.suffix in {".opus", ".mp3", ".flac", ".wav", ".ogg"})
    for path in files[:: max(1, len(files) // most)][:most]:
        with av.open(str(path)) as container:
            resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE)
            frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        yield np.resize(np.concatenate([frame.to_ndarray()[0] for frame in frames]), CLIP_SAMPLES)


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """So many threads for torch in this thread, and what it was before afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def arguments(description: str) -> argparse.ArgumentParser:
    """A parser with what every benchmark takes."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--bundle", default="starter")
    parser.add_argument("--models", default="all", help="names or presets, separated by commas")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--rounds", type=int, default=20)
    return parser
