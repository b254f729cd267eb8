"""A bundle: what its `bundle.toml` says of labels and models. Free of torch: the daemon's main process reads it."""

import difflib
import hashlib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, cast

from ccmusic_stream.errors import BundleError
from ccmusic_stream.geometry import Spectrogram
from ccmusic_stream.labels import Label, Labels

BACKBONES: tuple[str, ...] = (
    "vgg19_bn",
    "resnet50",
    "densenet121",
    "efficientnet_b0",
    "mobilenet_v3_large",
    "convnext_base",
    "inception_v3",
    "swin_b",
    "vit_b_16",
)
"""Networks that can be built; `ccmusic_stream.models.backbones` holds one builder for each."""

HEADS: tuple[str, ...] = ("linear", "gap", "ccmusic")
"""torchvision's own classifier; global average pool and one layer; upstream's four layers."""

SPECTROGRAMS: tuple[str, ...] = ("cqt", "mel")
PROFILES: tuple[str, ...] = ("seed", "floor80", "ccmusic")

ALIASES: Mapping[str, str] = {"mobilenetv3": "mobilenet_v3_large"}
"""Other names under which a backbone is known: the article's models are called `mobilenetv3_cqt`, `mobilenetv3_mel`."""

FILE_NAME = "bundle.toml"

_BUNDLE_KEYS = ("name", "trained", "ensemble_temperature", "labels", "models")
_LABEL_KEYS = ("slug", "en", "zh", "music", "parent")
_MODEL_KEYS = (
    "name", "backbone", "spectrogram", "head", "profile", "file", "sha256", "seed", "mean", "std", "temperature",
    "weight", "validation", "source",
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_MAX_SEED = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """One model of a bundle: its network, the picture it wants, and where its weights come from.

    Either `file` (in `folder`, its bundle's) with its `sha256`, or `seed`: weights drawn at random, untrained.
    `mean` and `std` (red, green, blue) normalise a picture scaled to 0 to 1. Logits are divided by `temperature` (> 0)
    before the softmax. `weight` (> 0) says how much its vote counts beside the others'. `validation` holds whatever
    figures the training measured, by name. `source` is the SHA-256 of the file that `file` was imported from.
    """

    name: str
    backbone: str
    spectrogram: Spectrogram
    head: str
    profile: str
    file: str | None
    sha256: str | None
    seed: int | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    temperature: float = 1.0
    weight: float = 1.0
    validation: Mapping[str, float] = field(default_factory=dict, hash=False)
    source: str | None = None
    folder: Path = Path()

    @property
    def stem(self) -> str:
        """Backbone and spectrogram, with which every name of the model begins: "vgg19_bn_cqt"."""
        return f"{self.backbone}_{self.spectrogram}"

    @property
    def fingerprint(self) -> str:
        """16 hexadecimal digits: the same where the same weights see the same picture and answer it alike."""
        said = (
            self.sha256 or f"seed {self.seed}", self.backbone, self.head, self.spectrogram, self.profile, self.mean,
            self.std, self.temperature,
        )  # fmt: skip
        return hashlib.sha256(repr(said).encode()).hexdigest()[:16]

    @property
    def picture(self) -> tuple[Spectrogram, str]:
        """Which picture the model looks at: models with the same one share it."""
        return self.spectrogram, self.profile


@dataclass(frozen=True, slots=True)
class Bundle:
    """Labels in the order of the logits, and the models that were trained on them (`trained` False: they were not).

    `folders` are where the models lie: one, or several where bundles were joined. There may be no models yet.
    `ensemble_temperature` (> 0) is that of the votes' weighted mean: see `ensemble.combine`.
    """

    name: str
    trained: bool
    labels: Labels
    models: tuple[ModelSpec, ...]
    folders: tuple[Path, ...]
    ensemble_temperature: float = 1.0

    @property
    def weights(self) -> dict[str, float]:
        """How much each model's vote counts, by name."""
        return {model.name: model.weight for model in self.models}

    def chosen(self, names: Iterable[str] | None = None) -> tuple[ModelSpec, ...]:
        """The models with these names (aliases count), in the bundle's order; None means all.

        Raises `BundleError` for a name that the bundle does not have.
        """
        if names is None:
            return self.models
        wanted = {canonical_name(name): name for name in names}
        known = [model.name for model in self.models]
        for canonical, name in wanted.items():
            if canonical not in known:
                raise BundleError(f"bundle {self.name!r} has no model {name!r}; it has {', '.join(known)}")
        return tuple(model for model in self.models if model.name in wanted)


def canonical_backbone(name: str) -> str:
    """The registry's name of a backbone, aliases resolved; `BundleError` when there is none."""
    canonical = ALIASES.get(name, name)
    if canonical not in BACKBONES:
        raise BundleError(f"unknown backbone {name!r}, expected one of {', '.join(BACKBONES)}")
    return canonical


def canonical_name(name: str) -> str:
    """A model's name with its backbone's alias resolved: `mobilenetv3_cqt` is `mobilenet_v3_large_cqt`."""
    for alias, backbone in ALIASES.items():
        if name.startswith(f"{alias}_"):
            return backbone + name.removeprefix(alias)
    return name


def read_bundle(folder: Path) -> Bundle:
    """Read and check `folder`/bundle.toml. The weight files themselves are looked at when they are loaded.

    Raises `BundleError` with one sentence that names the file, the place in it, the value and what was expected.
    """
    path = folder / FILE_NAME
    try:
        return parse_bundle(path.read_bytes(), folder, str(path))
    except FileNotFoundError:
        raise BundleError(f"{path} does not exist: a bundle is a folder that holds a {FILE_NAME}") from None
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from None


def parse_bundle(content: bytes, folder: Path, shown: str) -> Bundle:
    """The bundle that the content of a bundle.toml describes, its files in `folder`; errors call the file `shown`.

    Raises `BundleError` with one sentence that names the place, the value and what was expected.
    """
    try:
        return _bundle(tomllib.loads(content.decode()), folder)
    except BundleError as error:
        raise BundleError(f"{shown}: {error}") from None
    except UnicodeDecodeError as error:
        raise BundleError(f"{shown} is not UTF-8: byte {error.start} is 0x{error.object[error.start]:02x}") from None
    except ValueError as error:  # TOMLDecodeError, or a number of more digits than Python reads
        raise BundleError(f"{shown} is not valid TOML: {error}") from None
    except RecursionError:
        raise BundleError(f"{shown} is nested too deeply") from None


def _bundle(document: dict[str, Any], folder: Path) -> Bundle:
    table = _Table(document, "", _BUNDLE_KEYS)
    labels = Labels([_label(entry) for entry in table.tables("labels", _LABEL_KEYS)])
    entries = table.tables("models", _MODEL_KEYS) if table.has("models") else []
    models = tuple(_model(entry, folder) for entry in entries)
    refuse_repeated_names(models)
    return Bundle(
        name=table.text("name"),
        trained=_trained(table, models),
        labels=labels,
        models=models,
        folders=(folder,),
        ensemble_temperature=table.positive("ensemble_temperature", default=1.0),
    )


def refuse_repeated_names(models: Sequence[ModelSpec]) -> None:
    """Raises `BundleError` when two models have the same name."""
    names = [model.name for model in models]
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise BundleError(f"model names must differ, but {', '.join(repeated)} stands more than once")


def _trained(table: "_Table", models: Sequence[ModelSpec]) -> bool:
    # A file may hold untrained weights, so `trained = false` is believed; only a seed proves that nothing was trained.
    seeded = [model.name for model in models if model.seed is not None]
    trained = table.boolean("trained", default=bool(models) and not seeded)
    if trained and seeded:
        raise BundleError(f"'trained' is true, but {seeded[0]} draws its weights at random from a seed")
    return trained


def _label(table: "_Table") -> Label:
    try:
        return Label(
            slug=table.text("slug"),
            en=table.text("en"),
            zh=table.text("zh"),
            music=table.boolean("music", default=True),
            parent=table.text("parent") if table.has("parent") else None,
        )
    except BundleError as error:
        raise table.placed(error) from None


def _model(table: "_Table", folder: Path) -> ModelSpec:
    backbone = _backbone(table)
    spectrogram = table.choice("spectrogram", SPECTROGRAMS)
    file, sha256, seed = _origin(table)
    std = table.triple("std")
    if min(std) <= 0:
        raise table.error(f"'std' is {list(std)}, expected three numbers above 0")
    return ModelSpec(
        name=_model_name(table, backbone, spectrogram),
        backbone=backbone,
        spectrogram=cast("Spectrogram", spectrogram),
        head=table.choice("head", HEADS),
        profile=table.choice("profile", PROFILES),
        file=file,
        sha256=sha256,
        seed=seed,
        mean=table.triple("mean"),
        std=std,
        temperature=table.positive("temperature", default=1.0),
        weight=table.positive("weight", default=1.0),
        validation=table.figures("validation"),
        source=table.sha256("source") if table.has("source") else None,
        folder=folder,
    )


def _backbone(table: "_Table") -> str:
    try:
        return canonical_backbone(table.text("backbone"))
    except BundleError as error:
        raise table.placed(error) from None


def _model_name(table: "_Table", backbone: str, spectrogram: str) -> str:
    # The name is what people choose by and what stands in addresses, so it must not say another network or picture.
    name = canonical_name(table.text("name"))
    stem = f"{backbone}_{spectrogram}"
    follows = name.startswith(stem) and name[len(stem) : len(stem) + 1] in {"", "_", "-"}
    if not follows or not _NAME.fullmatch(name):
        raise table.error(
            f"'name' is {name!r}, expected {stem!r}, or that followed by '_' and more letters, digits, '_' or '-'"
        )
    return name


def _origin(table: "_Table") -> tuple[str | None, str | None, int | None]:
    if table.has("seed"):
        beside = next((key for key in ("file", "sha256") if table.has(key)), None)
        if beside:
            raise table.error(f"'seed' (random weights) and {beside!r} (trained weights) exclude each other")
        return None, None, table.seed("seed")
    if not table.has("file"):
        raise table.error("either 'file' with 'sha256' (weights) or 'seed' (random weights, untrained) is needed")
    file = table.text("file")
    path = PurePosixPath(file.replace("\\", "/"))
    inside = path.parts and not path.is_absolute() and ".." not in path.parts and ":" not in path.parts[0]
    if not inside or not file.isprintable():
        raise table.error(f"'file' is {file!r}, expected a path inside the bundle's folder")
    return file, table.sha256("sha256"), None


class _Table:
    """One table of the file, with its place in it for the messages; refuses keys that nobody reads."""

    def __init__(self, values: Mapping[str, Any], place: str, keys: Sequence[str]) -> None:
        self._values = values
        self._place = place
        for key in values:
            if key not in keys:
                near = difflib.get_close_matches(key, keys, n=1)
                hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(keys)}"
                raise self.error(f"unknown key {key!r}: {hint}")

    def error(self, sentence: str) -> BundleError:
        return BundleError(f"{self._place}: {sentence}" if self._place else sentence)

    def placed(self, error: BundleError) -> BundleError:
        """`error` with this table's place before it, unless it stands there already."""
        text = str(error)
        return error if text.startswith(self._place) else self.error(text)

    def has(self, key: str) -> bool:
        return key in self._values

    def _get(self, key: str) -> Any:
        if key not in self._values:
            raise self.error(f"the key {key!r} is missing")
        return self._values[key]

    def text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(f"{key!r} is {value!r}, expected a text")
        return value

    def sha256(self, key: str) -> str:
        value = self.text(key)
        if not _SHA256.fullmatch(value):
            raise self.error(f"{key!r} is {value!r}, expected 64 hexadecimal digits")
        return value.lower()

    def choice(self, key: str, among: Sequence[str]) -> str:
        value = self.text(key)
        if value not in among:
            raise self.error(f"{key!r} is {value!r}, expected one of {', '.join(among)}")
        return value

    def boolean(self, key: str, *, default: bool) -> bool:
        value = self._values.get(key, default)
        if not isinstance(value, bool):
            raise self.error(f"{key!r} is {value!r}, expected true or false")
        return value

    def seed(self, key: str) -> int:
        value = self._get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _MAX_SEED:
            raise self.error(f"{key!r} is {value!r}, expected a whole number from 0 to {_MAX_SEED}")
        return value

    def positive(self, key: str, *, default: float) -> float:
        value = self._values.get(key, default)
        if not _is_finite(value):
            raise self.error(f"{key!r} is {value!r}, expected a finite number")
        if value <= 0:
            raise self.error(f"{key!r} is {value:g}, expected a number above 0")
        return float(value)

    def triple(self, key: str) -> tuple[float, float, float]:
        value = self._get(key)
        if not isinstance(value, list) or len(value) != 3 or not all(map(_is_finite, value)):
            raise self.error(f"{key!r} is {value!r}, expected three finite numbers (red, green, blue)")
        return float(value[0]), float(value[1]), float(value[2])

    def figures(self, key: str) -> dict[str, float]:
        value = self._values.get(key, {})
        if not isinstance(value, dict) or not all(map(_is_finite, value.values())):
            raise self.error(f"{key!r} is {value!r}, expected a table of finite numbers")
        return {name: float(figure) for name, figure in value.items()}

    def tables(self, key: str, keys: Sequence[str]) -> "list[_Table]":
        value = self._get(key)
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self.error(f"{key!r} is not a list of tables: write each one under its own [[{key}]]")
        return [_Table(entry, _place(key, index, entry), keys) for index, entry in enumerate(value, start=1)]


def _place(key: str, index: int, entry: Mapping[str, Any]) -> str:
    name = entry.get("name", entry.get("slug"))
    return f"[[{key}]] {index}" + (f" ({name})" if isinstance(name, str) and name else "")


def _is_finite(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # TOML's whole numbers have no end
        return False
