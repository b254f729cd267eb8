"""What this daemon is, as its settings and its bundle say."""

from collections.abc import Mapping, Sequence

from ccmusic_stream.models.bundle import Bundle, ModelSpec
from ccmusicd.capture.spec import parse_spec
from ccmusicd.hub import About, ModelInfo, StationInfo
from ccmusicd.settings import Settings, StationSettings
from ccmusicd.watching import checks_of


def about_daemon(
    settings: Settings, bundle: Bundle, specs: Sequence[ModelSpec], stations: Mapping[str, StationSettings]
) -> About:
    """What every `hello` says, before the networks are loaded."""
    return About(
        node=settings.daemon.node,
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
        stations=tuple(
            StationInfo(
                key, station.name or key, parse_spec(station.input).redacted, checks=checks_of(station, settings)
            )
            for key, station in stations.items()
        ),
        ensemble_temperature=bundle.ensemble_temperature,
    )
