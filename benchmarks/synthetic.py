"""A synthetic station of five models, for benchmarks of what is published: its events cost nothing to compute."""

import time

from ccmusic_stream.labels import Label, Labels
from ccmusic_stream.level import Level
from ccmusicd.events import HopEvent, ModelVote, StatusEvent
from ccmusicd.hub import About, ModelInfo, StationInfo

GENRES = 16
MODELS = ("vgg19_bn_cqt", "resnet50_mel", "densenet121_cqt", "efficientnet_b0_mel", "mobilenet_v3_large_cqt")


def about() -> About:
    """What the daemon says of itself."""
    labels = Labels([Label(f"genre{number}", f"Genre {number}", f"流派{number}") for number in range(GENRES)])
    models = tuple(ModelInfo(name, name.rpartition("_")[0], name.rpartition("_")[2]) for name in MODELS)
    return About(
        "bench", "none", trained=True, labels=labels, models=models, stations=(StationInfo("live", "Live", "demo"),)
    )


def hop(seq: int) -> HopEvent:
    """A hop whose `end_sample` says when it was published: microseconds of the clock that all processes share."""
    shares = {f"genre{number}": (number + 1) / 136 for number in range(GENRES)}
    vote = ModelVote(tuple(list(shares.items())[:5]), 12.3)
    return HopEvent(
        station="live",
        seq=seq,
        end_sample=time.monotonic_ns() // 1000,
        time_us=time.time_ns() // 1000,
        state="music",
        trained=True,
        models=dict.fromkeys(MODELS, vote),
        ensemble=shares,
        rolling=shares,
        genre="genre15",
        probability=0.8,
        since_us=time.time_ns() // 1000,
        agreement=0.8,
        divergence=0.1234,
        contenders=(),
        band="check",
        level=Level(-18.0, -3.0),
        hop_ms=123.4,
        lag_s=0.2,
        dropped=0,
    )


def status(hops: int) -> StatusEvent:
    """All is well after so many hops."""
    return StatusEvent(
        station="live",
        state="music",
        trained=True,
        source="demo",
        source_state="running",
        source_restarts=0,
        source_error=None,
        source_format={"rate": 44_100},
        title="A title",
        gap_samples=0,
        xruns=0,
        dropped_hops=0,
        hops=hops,
        lag_s=0.1,
        analyzer="running",
        analyzer_restarts=0,
        device="cpu",
        hop_s=0.5,
    )
