"""What runs the networks fastest on this CPU, and how faithfully: torch, torch.compile, ONNX Runtime, OpenVINO, ncnn.

One table: for each runtime and network the milliseconds of a forward pass on all cores (medians, measured alternately),
the largest difference of any probability from eager torch's in float32, and the share of real clips whose first choice
changed. int8 is calibrated on other real clips: statically by ONNX Runtime (QDQ, per channel) and by NNCF for OpenVINO.
Needs the dependency group `bench`, and a C++ compiler for torch.compile. Prints one JSON object, and the table to
standard error.

    uv pip install --group bench
    python benchmarks/runtimes.py --audio FOLDER [--bundle starter] [--models all] [--rounds 10] [--clips 60]
"""

import contextlib
import json
import logging
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import alternately, arguments, clips, machine, medians
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from torch import nn

from ccmusic_stream.clip import clip_windows
from ccmusic_stream.geometry import transform_of
from ccmusic_stream.models.bundle import ModelSpec
from ccmusic_stream.models.loading import load_model
from ccmusic_stream.picture import network_input, picture
from ccmusic_stream.runtimes.cpu import Scheme, folded
from ccmusic_stream.spectrogram import Transforms
from ccmusicd.resources import cache_folder
from ccmusicd.voting import load_voters
from ccmusicd.weights.bundles import models_to_use, open_bundle

Picture = NDArray[np.float32]
Run = Callable[[Picture], NDArray[np.float32]]
"""A picture (1, 3, 224, 224) to logits (1, classes)."""

CALIBRATION_CLIPS = 24


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--audio", type=Path, required=True, help="folder of recordings")
    parser.add_argument("--clips", type=int, default=60)
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    bundle = open_bundle([options.bundle])
    specs = models_to_use(bundle, options.models.split(","))
    shown = _pictures(specs, options.audio, options.clips + CALIBRATION_CLIPS)
    rows: dict[str, dict[str, dict[str, float]]] = {}
    for spec in specs:
        calibration, test = shown[spec.name][:CALIBRATION_CLIPS], shown[spec.name][CALIBRATION_CLIPS:]
        network = load_model(spec, bundle).eval()
        runs = {"torch eager": _eager(network), **dict(_others(spec, network, bundle, calibration))}
        times = medians(alternately({name: partial(run, test[0]) for name, run in runs.items()}, options.rounds))
        expected = _softmax(runs["torch eager"], test, spec)
        for name, run in runs.items():
            found = _softmax(run, test, spec)
            rows.setdefault(name, {})[spec.name] = {
                "ms": times[name],
                "largest_difference": float(f"{np.abs(found - expected).max():.2g}"),
                "first_choice_changed": round(float((found.argmax(1) != expected.argmax(1)).mean()), 4),
            }
        print(f"{spec.name} done", file=sys.stderr)
    totals = {name: round(sum(row["ms"] for row in models.values()), 1) for name, models in rows.items()}
    _print_table(rows, totals)
    cpu = torch.device("cpu")
    result = {"benchmark": "runtimes", **machine(cpu), "clips": options.clips, "total_ms": totals, "rows": rows}
    print(json.dumps(result, indent=2))


def _pictures(specs: Sequence[ModelSpec], folder: Path, most: int) -> dict[str, list[Picture]]:
    """What each model sees of the clips."""
    cpu = torch.device("cpu")
    transforms = Transforms(centre=True)
    shown: dict[str, list[Picture]] = {spec.name: [] for spec in specs}
    for clip in clips(folder, most):
        windows = clip_windows(clip, transforms, cpu, {transform_of(*spec.picture) for spec in specs})
        for spec in specs:
            drawn = picture(spec.spectrogram, windows[transform_of(*spec.picture)], spec.profile)
            pixels = network_input(drawn, spec.mean, spec.std).numpy()
            shown[spec.name].append(np.ascontiguousarray(pixels))
    return shown


def _others(spec: ModelSpec, network: nn.Module, bundle: Any, calibration: list[Picture]) -> Iterator[tuple[str, Run]]:
    makers: dict[str, Callable[[], Iterator[tuple[str, Run]]]] = {
        "torch": lambda: _torch(network),
        "onnxruntime": lambda: _onnxruntime(network, calibration),
        "openvino": lambda: _openvino(network, calibration),
        "ncnn": lambda: _ncnn(spec, bundle),
    }
    for name, make in makers.items():
        made: list[tuple[str, Run]] = []
        try:
            with contextlib.redirect_stdout(sys.stderr):  # the libraries' own progress
                made.extend(make())
        except Exception as error:  # one that is not installed, or cannot take this network, is left out  # noqa: BLE001
            print(f"{name} is left out for {spec.name}: {error}", file=sys.stderr)
        yield from made


def _eager(network: nn.Module) -> Run:
    @torch.inference_mode()
    def run(picture: Picture) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = network(torch.from_numpy(picture)).numpy()
        return logits

    return run


def _torch(network: nn.Module) -> Iterator[tuple[str, Run]]:
    prepared = folded(network)

    @torch.inference_mode()
    def channels_last(picture: Picture) -> NDArray[np.float32]:
        tensor = torch.from_numpy(picture).contiguous(memory_format=torch.channels_last)
        logits: NDArray[np.float32] = prepared(tensor).numpy()
        return logits

    yield "torch folded, channels last", channels_last
    import torch._inductor.config as inductor  # noqa: PLC0415

    inductor.freezing = True
    compiled = torch.compile(network)

    @torch.inference_mode()
    def frozen(picture: Picture) -> NDArray[np.float32]:
        logits: NDArray[np.float32] = compiled(torch.from_numpy(picture)).numpy()
        return logits

    frozen(np.zeros((1, 3, 224, 224), np.float32))
    yield "torch.compile, frozen", frozen


def _onnxruntime(network: nn.Module, calibration: list[Picture]) -> Iterator[tuple[str, Run]]:
    import onnxruntime  # noqa: PLC0415
    from onnxruntime import quantization  # noqa: PLC0415

    def session(path: Path) -> Run:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        opened = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        return lambda picture: opened.run(None, {"picture": picture})[0]

    class Reader(quantization.CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._left = iter(calibration)

        def get_next(self) -> Mapping[str, Picture] | None:
            picture = next(self._left, None)
            return None if picture is None else {"picture": picture}

    with tempfile.TemporaryDirectory() as name:
        plain, prepared, small = (Path(name) / f"{part}.onnx" for part in ("plain", "prepared", "int8"))
        torch.onnx.export(
            network, (torch.zeros(1, 3, 224, 224),), str(plain), dynamo=False, input_names=["picture"], opset_version=17
        )
        yield "ONNX Runtime float32", session(plain)
        quantization.quant_pre_process(str(plain), str(prepared))
        quantization.quantize_static(str(prepared), str(small), Reader(), per_channel=True, reduce_range=True)
        yield "ONNX Runtime int8", session(small)


def _openvino(network: nn.Module, calibration: list[Picture]) -> Iterator[tuple[str, Run]]:
    import nncf  # noqa: PLC0415
    import openvino  # noqa: PLC0415

    hints = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": "f32",
        "INFERENCE_NUM_THREADS": torch.get_num_threads(),
    }

    def request(model: Any) -> Run:
        running = openvino.Core().compile_model(model, "CPU", hints).create_infer_request()
        return lambda picture: running.infer({0: picture})[0].copy()

    model = openvino.convert_model(network, example_input=torch.zeros(1, 3, 224, 224), input=[1, 3, 224, 224])
    yield "OpenVINO float32", request(model)
    small = nncf.quantize(model, nncf.Dataset(calibration), subset_size=len(calibration))
    yield "OpenVINO int8", request(small)


def _ncnn(spec: ModelSpec, bundle: Any) -> Iterator[tuple[str, Run]]:
    voters: Any = load_voters(
        bundle, [spec.name], torch.device("cpu"), runtime="ncnn", cache_folder=cache_folder()
    ).voters
    voters.share(Scheme(1, torch.get_num_threads()))
    network = voters.network(spec.name)
    yield "ncnn float32", lambda picture: network(torch.from_numpy(picture)).numpy()


def _softmax(run: Run, pictures: Sequence[Picture], spec: ModelSpec) -> NDArray[np.float64]:
    logits = np.concatenate([run(picture) for picture in pictures]).astype(np.float64) / spec.temperature
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)  # type: ignore[no-any-return]


def _print_table(rows: Mapping[str, Mapping[str, Mapping[str, float]]], totals: Mapping[str, float]) -> None:
    models = list(rows["torch eager"])
    table = Table("runtime", *models, "total ms", title="ms · largest difference · first choice changed")
    for name, cells in rows.items():
        shown = [
            f"{cell['ms']:.1f} · {cell['largest_difference']:.0e} · {cell['first_choice_changed']:.1%}"
            for model in models
            for cell in [cells.get(model)]
            if cell
        ]
        table.add_row(name, *shown, f"{totals[name]:.0f}")
    Console(stderr=True, width=180).print(table)


if __name__ == "__main__":
    main()
