"""From what people write of bundles and models to the ones that are meant. Free of torch."""

from collections.abc import Sequence

from ccmusic_stream.errors import BundleError
from ccmusic_stream.models.bundle import Bundle, ModelSpec, read_bundle
from ccmusic_stream.models.joined import joined
from ccmusic_stream.models.presets import chosen_models
from ccmusicd.resources import bundle_folder


def open_bundle(names: Sequence[str]) -> Bundle:
    """The bundle in a folder or of a name, or several joined. Raises `BundleError` when one cannot be used."""
    return joined([read_bundle(bundle_folder(name)) for name in names])


def models_to_use(bundle: Bundle, words: Sequence[str]) -> tuple[ModelSpec, ...]:
    """The models that names and presets choose; no word means all. Raises `BundleError` when there are none."""
    if not bundle.models:
        raise BundleError(
            f"bundle {bundle.name!r} holds labels but no models yet: 'ccmusicd weights pull REPO' fetches some, "
            f"'ccmusicd weights import FILE… --bundle {bundle.name}' takes files that you have"
        )
    return chosen_models(bundle, words)
