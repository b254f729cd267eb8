"""Several bundles side by side as one, where their labels agree. Free of torch."""

import math
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from ccmusic_stream.errors import BundleError
from ccmusic_stream.labels import Labels
from ccmusic_stream.models.bundle import Bundle, refuse_repeated_names

_LONGEST_SUFFIX = 32


def joined(bundles: Sequence[Bundle]) -> Bundle:
    """One bundle of all models, in order; models of equal name get the name of their bundle as a suffix.

    It is `trained` only if every bundle with models is. The words of the labels are the first bundle's. Each model
    keeps its weight, and brings the logarithm of its bundle's ensemble temperature into a mean. Raises `BundleError`
    when the labels differ in number, slug, order or `music`, or two bundles share a name.
    """
    first = bundles[0]
    if len(bundles) == 1:
        return first
    repeated = [name for name, times in Counter(bundle.name for bundle in bundles).items() if times > 1]
    if repeated:
        raise BundleError(f"two bundles are called {repeated[0]!r}: give one another 'name' in its bundle.toml")
    for other in bundles[1:]:
        difference = labels_difference(first.labels, other.labels)
        if difference:
            raise BundleError(f"bundles {first.name!r} and {other.name!r} cannot be joined: {difference}")
    times = Counter(model.name for bundle in bundles for model in bundle.models)
    models = tuple(
        replace(model, name=f"{model.name}_{_suffix(bundle.name)}") if times[model.name] > 1 else model
        for bundle in bundles
        for model in bundle.models
    )
    refuse_repeated_names(models)
    return Bundle(
        name="+".join(bundle.name for bundle in bundles),
        trained=bool(models) and all(bundle.trained for bundle in bundles if bundle.models),
        labels=first.labels,
        models=models,
        folders=tuple(folder for bundle in bundles for folder in bundle.folders),
        ensemble_temperature=_ensemble_temperature(bundles),
    )


def labels_difference(one: Labels, other: Labels) -> str | None:
    """The first way in which the logits of two bundles mean something else; None when they mean the same."""
    for number, (left, right) in enumerate(zip(one, other, strict=False), start=1):
        if left.slug != right.slug:
            return f"label {number} is {left.slug!r} in the first and {right.slug!r} in the second"
        if left.music != right.music:
            return f"label {number}, {left.slug!r}, is music in one and not in the other"
    if len(one) != len(other):
        return f"the first has {len(one)} labels and the second {len(other)}"
    return None


def _ensemble_temperature(bundles: Sequence[Bundle]) -> float:
    """The bundles' own where they agree; else their geometric mean, each weighted as its models are together."""
    weights = {bundle.name: sum(bundle.weights.values()) for bundle in bundles if bundle.models}
    temperatures = {bundle.ensemble_temperature for bundle in bundles if bundle.models}
    if len(temperatures) <= 1:
        return next(iter(temperatures), 1.0)
    logs = [math.log(bundle.ensemble_temperature) for bundle in bundles if bundle.models]
    return math.exp(statistics.fmean(logs, weights.values()))


def _suffix(bundle: str) -> str:
    # Names of models stand in addresses and topics; names of bundles are free.
    return re.sub(r"[^A-Za-z0-9_-]+", "_", bundle)[:_LONGEST_SUFFIX]
