"""The registry of vision networks, each with any of three heads, and the layout of their weights.

| head | what it is |
|---|---|
| `linear` | torchvision's own classifier, its last layer cut to the bundle's classes |
| `gap` | features → global average pool → (the backbone's final norm, where it has one) → one linear layer |
| `ccmusic` | upstream's four linear layers, whose widths fall from the features to the classes |

For six of the nine backbones torchvision's own classifier *is* a global average pool and one linear layer; there `gap`
and `linear` are the same network with the same keys, and `canonical_head` says so. They differ for vgg19_bn (three
layers on 25,088 features against one on 512), mobilenet_v3_large (two layers against one on 960) and vit_b_16 (class
token against the mean of the picture's 196 tokens, keys `heads.*` instead of `heads.head.*`).

All take float32 pictures (n, 3, 224, 224) and give logits (n, classes).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torchvision import models
from torchvision.models import vgg

from ccmusic_stream.errors import BundleError
from ccmusic_stream.models.bundle import HEADS, canonical_backbone
from ccmusic_stream.models.seeded import draw


class _PooledViT(models.VisionTransformer):  # type: ignore[misc]  # torchvision carries no types
    """ViT-B/16 that classifies the mean of the picture's tokens instead of the class token."""

    def __init__(self, classes: int) -> None:
        super().__init__(
            image_size=224, patch_size=16, num_layers=12, num_heads=12, hidden_dim=768, mlp_dim=3072, num_classes=1
        )
        self.heads = nn.Linear(768, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (n, classes) of pictures (n, 3, 224, 224)."""
        tokens = self._process_input(x)  # (n, 196, 768)
        token = self.class_token.expand(len(tokens), -1, -1)  # (n, 1, 768)
        encoded = self.encoder(torch.cat([token, tokens], dim=1))  # (n, 197, 768)
        logits: Tensor = self.heads(encoded[:, 1:].mean(dim=1))
        return logits


@dataclass(frozen=True, slots=True)
class _Backbone:
    """How to make one network. `head` is the module that a `ccmusic` head replaces, `features` the width before it."""

    make: Callable[[int], nn.Module]
    head: str
    features: int
    gap: Callable[[int], nn.Module] | None = None
    """Makes the network with a `gap` head, where that is not torchvision's own."""
    headless: Callable[[], nn.Module] | None = None
    """Makes the network to put a `ccmusic` head on, where torchvision's own is too large to be drawn and dropped."""


def _vgg19_bn_headless() -> nn.Module:
    # torchvision's VGG draws 120 million weights of a classifier first; on the meta device that costs nothing.
    with torch.device("meta"):
        network = models.VGG(nn.Identity(), init_weights=False)
    network.features = vgg.make_layers(vgg.cfgs["E"], batch_norm=True)
    for module in network.features:
        if isinstance(module, nn.Conv2d) and module.bias is not None:
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(module.bias)
    assert isinstance(network, nn.Module)  # noqa: S101 (torchvision carries no types)
    return network


def _vgg19_bn_gap(classes: int) -> nn.Module:
    network = _vgg19_bn_headless()
    network.avgpool = nn.AdaptiveAvgPool2d(1)
    network.classifier = nn.Linear(512, classes)
    return network


def _mobilenet_v3_large_gap(classes: int) -> nn.Module:
    network: nn.Module = models.mobilenet_v3_large(num_classes=classes)
    network.classifier = nn.Linear(960, classes)
    return network


def _inception_v3(classes: int) -> nn.Module:
    # The auxiliary classifier serves training alone. Named weights of torchvision would also switch `transform_input`
    # on, which undoes another normalisation than ours.
    network: nn.Module = models.inception_v3(
        num_classes=classes, aux_logits=False, transform_input=False, init_weights=True
    )
    return network


REGISTRY: Mapping[str, _Backbone] = {
    "vgg19_bn": _Backbone(
        lambda classes: models.vgg19_bn(num_classes=classes), "classifier", 25_088, _vgg19_bn_gap, _vgg19_bn_headless
    ),
    "resnet50": _Backbone(lambda classes: models.resnet50(num_classes=classes), "fc", 2_048),
    "densenet121": _Backbone(lambda classes: models.densenet121(num_classes=classes), "classifier", 1_024),
    "efficientnet_b0": _Backbone(lambda classes: models.efficientnet_b0(num_classes=classes), "classifier", 1_280),
    "mobilenet_v3_large": _Backbone(
        lambda classes: models.mobilenet_v3_large(num_classes=classes), "classifier", 960, _mobilenet_v3_large_gap
    ),
    "convnext_base": _Backbone(lambda classes: models.convnext_base(num_classes=classes), "classifier", 1_024),
    "inception_v3": _Backbone(_inception_v3, "fc", 2_048),
    "swin_b": _Backbone(lambda classes: models.swin_b(num_classes=classes), "head", 1_024),
    "vit_b_16": _Backbone(lambda classes: models.vit_b_16(num_classes=classes), "heads", 768, _PooledViT),
}


def build(backbone: str, head: str, classes: int, *, seed: int | None = None) -> nn.Module:
    """The network in eval mode, on the CPU (or the device of an enclosing `with torch.device(…)`).

    With a `seed` its weights depend on the seed alone, the global generators stay undisturbed and its answers are not
    degenerate (see `seeded`); without one they are drawn as torchvision draws them, from torch's global generator.
    Raises `BundleError` for an unknown backbone or head.
    """
    entry = REGISTRY[canonical_backbone(backbone)]
    if head not in HEADS:
        raise BundleError(f"unknown head {head!r}, expected one of {', '.join(HEADS)}")

    def make() -> nn.Module:
        if head == "ccmusic":
            return _with_ccmusic_head(entry, classes)
        return (entry.gap or entry.make)(classes) if head == "gap" else entry.make(classes)

    return make().eval() if seed is None else draw(make, seed)


def skeleton(backbone: str, head: str, classes: int) -> nn.Module:
    """The network without weights (on the meta device): milliseconds and no memory, to compare or to be fitted."""
    with torch.device("meta"):
        return build(backbone, head, classes)


def canonical_head(backbone: str, head: str) -> str:
    """`head`, or "linear" where `gap` on this backbone is the same network with the same keys."""
    return "linear" if head == "gap" and REGISTRY[backbone].gap is None else head


def ccmusic_widths(features: int, classes: int) -> tuple[int, int, int]:
    """Widths of the three hidden layers of upstream's head, from the features down: 25,088 and 16 give 3958, 629, 100.

    Each is the next one times the fourth root of features / classes, rounded down.
    """
    ratio = (1.0 * features / classes) ** 0.25
    third = int(ratio * classes)
    second = int(ratio * third)
    return int(ratio * second), second, third


def _with_ccmusic_head(entry: _Backbone, classes: int) -> nn.Module:
    network = entry.headless() if entry.headless else entry.make(classes)
    first, second, third = ccmusic_widths(entry.features, classes)
    # Linear layers at 1, 4, 7 and 9: the places are part of the keys of upstream's files.
    head = nn.Sequential(
        nn.Dropout(), nn.Linear(entry.features, first), nn.ReLU(inplace=True),
        nn.Dropout(), nn.Linear(first, second), nn.ReLU(inplace=True),
        nn.Dropout(), nn.Linear(second, third), nn.ReLU(inplace=True),
        nn.Linear(third, classes),
    )  # fmt: skip
    if isinstance(network, models.ConvNeXt):
        norm, flatten, _ = network.classifier
        network.classifier = nn.Sequential(norm, flatten, *head)  # hence 3, 6, 9 and 11
    elif isinstance(network, models.VisionTransformer):
        network.heads.head = head
    else:
        setattr(network, entry.head, head)
    return network


@dataclass(frozen=True, slots=True)
class Layout:
    """Names and shapes of a network's weights: of its body and, apart, of its head's linear layers in order."""

    body: Mapping[str, tuple[int, ...]]
    head: Mapping[str, tuple[int, ...]]
    head_module: str
    """The module that holds the head: every key under it that is not the body's is the head's."""


@cache  # at most 27 entries
def layout(backbone: str, head: str) -> Layout:
    """The layout of a network with 16 classes, read off its skeleton."""
    network = skeleton(backbone, head, 16)
    module = REGISTRY[backbone].head
    layers = tuple(
        f"{name}."
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Linear) and (name + ".").startswith(module + ".")
    )
    shapes = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    return Layout(
        body={key: shape for key, shape in shapes.items() if not key.startswith(layers)},
        head={key: shape for key, shape in shapes.items() if key.startswith(layers)},
        head_module=f"{module}.",
    )
