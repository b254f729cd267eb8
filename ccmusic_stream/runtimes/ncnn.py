"""Networks run by ncnn, whose Winograd convolutions need half the time of torch's on a CPU, in float32."""

from pathlib import Path

import ncnn
import numpy as np
import torch
from torch import Tensor

from ccmusic_stream.errors import CheckpointError

BACKBONES = frozenset({"vgg19_bn", "resnet50", "densenet121", "efficientnet_b0", "mobilenet_v3_large", "inception_v3"})
"""Networks that ncnn can run and runs faster than torch: measured, benchmarks/runtimes.py. (Not ConvNeXt, which takes
1.3 times as long; nor the transformers, whose reshapes it does not know.)"""

LARGEST_DIFFERENCE = 1e-3
"""Of any probability from torch's, for a conversion to be used."""

_INPUT, _OUTPUT = "in0", "out0"
"""What pnnx, the converter, calls them."""


class NcnnNetwork:
    """A converted network, read from the two files that pnnx writes. Calls release Python's lock while they compute."""

    def __init__(self, param: Path, weights: Path, *, threads: int = 1) -> None:
        self._param = param
        self._weights = weights
        self._net = self._load(threads)

    @property
    def threads(self) -> int:
        """Threads that one call keeps busy. To set it reads the files anew: weights are laid out for so many."""
        return int(self._net.opt.num_threads)

    @threads.setter
    def threads(self, count: int) -> None:
        if count != self.threads:
            self._net = self._load(count)

    def _load(self, threads: int) -> ncnn.Net:
        net = ncnn.Net()
        options = net.opt
        options.num_threads = threads
        # float32 all the way: half precision and its like would move probabilities, and are no faster on a CPU.
        options.use_fp16_packed = options.use_fp16_storage = options.use_fp16_arithmetic = False
        options.use_bf16_packed = options.use_bf16_storage = False
        if net.load_param(str(self._param)) or net.load_model(str(self._weights)):
            raise CheckpointError(f"{self._param.parent}: ncnn cannot read this conversion")
        return net

    def __call__(self, picture: Tensor) -> Tensor:
        """Logits (1, classes) of a normalised picture (1, 3, 224, 224) float32."""
        pixels = np.ascontiguousarray(picture[0].numpy())  # (3, 224, 224)
        image = ncnn.Mat(pixels)  # borrows `pixels`
        with self._net.create_extractor() as extractor:
            extractor.input(_INPUT, image)
            failed, logits = extractor.extract(_OUTPUT)
            if failed:
                raise RuntimeError(f"ncnn could not compute it (code {failed})")
            return torch.from_numpy(np.array(logits)).unsqueeze(0)


def largest_difference(converted: NcnnNetwork, original: torch.nn.Module, pictures: Tensor) -> float:
    """The largest difference of any probability on pictures (n, 3, 224, 224): how faithful a conversion is."""
    with torch.inference_mode():
        expected = torch.softmax(original(pictures), dim=1)
        found = torch.softmax(torch.cat([converted(picture.unsqueeze(0)) for picture in pictures]), dim=1)
    return float((found - expected).abs().max())
