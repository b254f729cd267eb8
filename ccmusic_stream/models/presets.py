"""The article's advice on which models to take, by name. Free of torch."""

from collections.abc import Iterable, Mapping, Sequence

from ccmusic_stream.errors import BundleError
from ccmusic_stream.models.bundle import Bundle, ModelSpec, canonical_name

ALL = "all"

PRESETS: Mapping[str, tuple[str, ...]] = {
    "accurate": ("vgg19_bn_cqt",),
    "fast": ("mobilenet_v3_large_cqt",),
    "border": ("resnet50_mel", "densenet121_cqt"),
    "light": ("efficientnet_b0_mel",),
}
"""Stems of models by preset: the most accurate, the fastest, for music between two genres, for weak machines."""


def chosen_models(bundle: Bundle, words: Iterable[str]) -> tuple[ModelSpec, ...]:
    """The models that presets and names (aliases count) choose together, in the bundle's order; no word means all.

    A preset takes every model of its networks and spectrograms, whatever follows in the name: another training, or the
    bundle it came from. Raises `BundleError` for a word that is neither, and for a preset that is not wholly there.
    """
    wanted: set[str] = set()
    for word in words:
        wanted.update(_names(bundle, word))
    return bundle.chosen(wanted or None)


def chosen_stems(stems: Sequence[str], words: Iterable[str], *, of: str) -> tuple[str, ...]:
    """The same choice among bare stems, before there is a bundle; errors say that `of` has them."""
    wanted: set[str] = set()
    for word in words:
        names = stems if word == ALL else PRESETS.get(word, (canonical_name(word),))
        _refuse_missing(word, names, stems, of)
        wanted.update(names)
    return tuple(stem for stem in stems if stem in wanted or not wanted)


def _names(bundle: Bundle, word: str) -> list[str]:
    known = [model.name for model in bundle.models]
    if word == ALL:
        return known
    if word in PRESETS:
        _refuse_missing(word, PRESETS[word], [model.stem for model in bundle.models], f"bundle {bundle.name!r}")
        return [model.name for model in bundle.models if model.stem in PRESETS[word]]
    _refuse_missing(word, [canonical_name(word)], known, f"bundle {bundle.name!r}")
    return [canonical_name(word)]


def _refuse_missing(word: str, names: Sequence[str], known: Sequence[str], of: str) -> None:
    missing = [name for name in names if name not in known]
    if missing and word in PRESETS:
        raise BundleError(
            f"preset {word!r} is {' and '.join(names)}, but {of} has no {missing[0]}; it has {', '.join(known)}"
        )
    if missing:
        presets = ", ".join([*PRESETS, ALL])
        raise BundleError(f"{of} has no model or preset {word!r}; it has {', '.join(known)}; presets are {presets}")
