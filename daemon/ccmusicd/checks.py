"""What can be found wrong with settings before anything is started."""

from pathlib import Path

from ccmusic_stream.models.bundle import Bundle
from ccmusicd.capture.spec import parse_spec
from ccmusicd.publish.broker import parse_broker
from ccmusicd.publish.listening import tls
from ccmusicd.publish.schema import check_record
from ccmusicd.settings import (
    Settings,
    SettingsError,
    bundle_names,
    certificate,
    model_words,
    mqtt_password,
    web_token,
)
from ccmusicd.watching import check_programme
from ccmusicd.weights.bundles import models_to_use, open_bundle


def check(settings: Settings, *, real_time: bool = True) -> Bundle:
    """Everything about settings that can be found wrong without starting anything; gives the bundle they name.

    Raises:
        CcmusicError: the bundle, a model's name, an address, a file or a combination cannot be used.
    """
    bundle = open_bundle(bundle_names(settings))
    models_to_use(bundle, model_words(settings))
    check_programme(settings, bundle.labels)
    mqtt_password(settings)
    web_token(settings)
    if (files := certificate(settings)) is not None:
        tls(*files)
    if settings.mqtt.url:
        parse_broker(settings.mqtt.url, ca_file=Path(settings.mqtt.ca_file) if settings.mqtt.ca_file else None)
    if settings.timeline.url:
        check_record(settings.timeline.url)
    for key, station in settings.stations.items():
        spec = parse_spec(station.input)
        if not real_time and (spec.live or spec.is_url):
            raise SettingsError(f"full speed is for what has an end; {key} listens to {spec.redacted}")
    if not real_time and not settings.stations:
        raise SettingsError("full speed is for what has an end; the demo has none")
    return bundle
