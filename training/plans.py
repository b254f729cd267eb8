"""How long each network learns, on what pictures: plans for a CPU and for a GPU."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ccmusic_stream.models.bundle import BACKBONES
from ccmusic_stream.picture import SIDE

DEFAULT_MODELS = ("vgg19_bn_cqt", "resnet50_mel", "densenet121_cqt", "efficientnet_b0_mel", "mobilenet_v3_large_cqt")

_WHOLE = ("vit_b_16",)
"""Backbones that look at pictures of one size only."""

_NARROWEST = {"inception_v3": 96}
"""Pixels below which nothing is left of a picture's width."""


@dataclass(frozen=True, slots=True)
class Stage:
    """`images` pictures of 224 × `width` pixels, `batch` at a time, at a peak learning `rate`.

    224 pixels show 10 s, as in use. `divisor` makes the network narrow (see `networks`). The average's `memory` is its
    decay at each step; `measured` is how many steps lie between two measurements on what is held out.
    """

    divisor: int
    width: int
    images: int
    batch: int
    rate: float
    memory: float = 0.998
    measured: int = 100

    @property
    def steps(self) -> int:
        """Batches in the stage."""
        return max(1, self.images // self.batch)


_LIGHT = (
    Stage(1, 48, 28_000, 32, 2e-3, measured=150),
    Stage(1, 96, 7_000, 32, 1e-3),
    Stage(1, 224, 1_000, 16, 2e-4, 0.99, 25),
)
_CPU: Mapping[str, tuple[Stage, ...]] = {
    "mobilenet_v3_large": (
        Stage(1, 48, 42_000, 32, 2e-3, measured=150),
        Stage(1, 96, 10_000, 32, 1e-3),
        Stage(1, 224, 1_600, 16, 2e-4, 0.99, 25),
    ),
    "efficientnet_b0": _LIGHT,
    "densenet121": (
        Stage(2, 48, 30_000, 32, 2e-3, measured=150),
        Stage(2, 96, 7_000, 32, 1e-3),
        Stage(2, 224, 1_000, 16, 2e-4, 0.99, 25),
        Stage(1, 224, 240, 8, 1e-4, 0.97, 10),
    ),
    "resnet50": (
        Stage(2, 48, 55_000, 32, 2e-3, measured=150),
        Stage(2, 96, 12_000, 32, 1e-3),
        Stage(2, 224, 1_500, 16, 2e-4, 0.99, 30),
        Stage(1, 224, 480, 8, 1e-4, 0.97, 20),
    ),
    "vgg19_bn": (
        Stage(4, 64, 40_000, 32, 2e-3, measured=150),
        Stage(4, 96, 10_000, 32, 1e-3),
        Stage(4, 224, 1_200, 16, 2e-4, 0.99, 25),
        Stage(1, 224, 96, 8, 5e-5, 0.9, 6),
    ),
}
"""On a few cores: many short crops first (2.1 s; 2.9 s for VGG19, which pools by 32), whole windows last.

What mobilenet_v3_large_mel knew after about 210 s on one core (recall of real and of composed recordings held out):
0.26 and 0.33 from 7,000 pictures of 224 × 96, 0.40 and 0.40 from 12,800 of 224 × 48, 0.24 and 0.26 from 17,000 of
112 × 48. Batches of 16, half the augmentation or no mixup changed little, a rate of 6e-3 halved it.

Measured on 2 cores, forwards and backwards, pictures a second at 224 × 96 pixels (half as wide: twice as many):
mobilenet_v3_large 77, efficientnet_b0 41, densenet121 by 2 48, resnet50 by 2 44, vgg19_bn by 4 35; at full width
densenet121 14, resnet50 12, vgg19_bn 2.6. Two networks at a time, each on one core, are as quick and disturb each other
less than one after another on two.
"""

_CUDA = (Stage(1, 96, 300_000, 64, 2e-3, 0.999, 300), Stage(1, 224, 100_000, 64, 5e-4, 0.999, 200))


def plan_for(backbone: str, device: str, scale: float = 1.0) -> tuple[Stage, ...]:
    """The stages of one network on "cpu" or "cuda", `scale` times as long as usual.

    Raises:
        ValueError: the backbone is unknown.
    """
    if backbone not in BACKBONES:
        raise ValueError(f"there is no plan for {backbone!r}; known are {', '.join(BACKBONES)}")
    stages = _CUDA if device == "cuda" else _CPU.get(backbone, _LIGHT)
    return tuple(_fitted(stage, backbone, scale) for stage in stages)


def fine_plan(backbone: str, device: str, scale: float = 1.0) -> tuple[Stage, ...]:
    """The one stage in which trained weights learn the music of another collection."""
    plan_for(backbone, device)  # refuses what is unknown
    if device == "cuda":
        stage = Stage(1, 224, 60_000, 64, 4e-4, 0.999, 100)
    elif backbone == "vgg19_bn":
        stage = Stage(1, 96, 1_600, 16, 1e-4, 0.97, 20)
    else:
        stage = Stage(1, 96, 12_000, 32, 4e-4, 0.99, 40)
    return (_fitted(stage, backbone, scale),)


def _fitted(stage: Stage, backbone: str, scale: float) -> Stage:
    images = max(stage.batch, round(stage.images * scale))
    if backbone in _WHOLE:
        return replace(stage, images=images, width=SIDE)
    return replace(stage, images=images, width=max(stage.width, _NARROWEST.get(backbone, 0)))
