"""A bundle as the text of its `bundle.toml`: what `read_bundle` reads, written. Free of torch."""

import json
from collections.abc import Iterable, Mapping

from ccmusic_stream.labels import Label
from ccmusic_stream.models.bundle import Bundle, ModelSpec

_Value = str | bool | int | float | tuple[float, ...] | Mapping[str, float]


def bundle_toml(bundle: Bundle) -> str:
    """The text from which `read_bundle` reads an equal bundle of one folder. Comments of an older file are lost."""
    head: dict[str, _Value] = {"name": bundle.name, "trained": bundle.trained}
    if bundle.ensemble_temperature != 1.0:
        head["ensemble_temperature"] = bundle.ensemble_temperature
    tables = [
        _lines(head.items()),
        *(f"[[labels]]\n{_lines(_label(label))}" for label in bundle.labels),
        *(f"[[models]]\n{_lines(_model(model))}" for model in bundle.models),
    ]
    return "\n".join(tables)


def _label(label: Label) -> Iterable[tuple[str, _Value]]:
    yield from (("slug", label.slug), ("en", label.en), ("zh", label.zh), ("music", label.music))
    if label.parent is not None:
        yield "parent", label.parent


def _model(model: ModelSpec) -> Iterable[tuple[str, _Value]]:
    for key in ("name", "backbone", "spectrogram", "head", "profile", "file", "sha256", "seed", "source"):
        value = getattr(model, key)
        if value is not None:
            yield key, value
    yield from (("mean", model.mean), ("std", model.std), ("temperature", model.temperature))
    if model.weight != 1.0:
        yield "weight", model.weight
    if model.validation:
        yield "validation", model.validation


def _lines(pairs: Iterable[tuple[str, _Value]]) -> str:
    return "".join(f"{key} = {_value(value)}\n" for key, value in pairs)


def _value(value: _Value) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")  # JSON lets DEL stand, TOML does not
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{_value(key)} = {_value(figure)}' for key, figure in value.items())} }}"
    return repr(value)  # of finite numbers: the shortest text that reads as the same one
