"""What this daemon is, as its settings and its bundle say."""

from collections.abc import Iterable, Sequence

from ccmusic_stream.models.bundle import Bundle, ModelSpec
from ccmusicd.hub import About, ModelInfo, StationInfo


def about_daemon(node: str, bundle: Bundle, specs: Sequence[ModelSpec], stations: Iterable[StationInfo]) -> About:
    """What every `hello` says, before the networks are loaded."""
    return About(
        node=node,
        bundle=bundle.name,
        trained=bundle.trained,
        labels=bundle.labels,
        models=tuple(
            ModelInfo(
                spec.name,
                spec.backbone,
                spec.spectrogram,
                weight=spec.weight,
                profile=spec.profile,
                fingerprint=spec.fingerprint,
            )
            for spec in specs
        ),
        stations=tuple(stations),
        ensemble_temperature=bundle.ensemble_temperature,
    )
