"""The values of hops, packed: what every network said on every hop, a minute of one station in a block. Pure functions.

A block's values are bytes, one row a series: probabilities of the ensemble in steps of 1/200 and of each model in steps
of 1/50, levels in steps of half a decibel, times exact. Each row is stored as differences in time, so that what stands
still is zeros, and all of it goes through LZMA.

Five networks of 13 labels and a hop a second are 93 bytes a hop: 2.9 GB a year as they are. Packed, with a row's part
of the indexes, a year of one station takes 0.4 to 0.6 GB: computed with invented votes of networks that agree most of
the time and wander as windows do that share nine tenths of their sound; their entropy is little less. `[timeline]
keep_megabytes` bounds it.
"""

import hashlib
import json
import lzma
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ccmusicd.events import HopEvent, State

ENSEMBLE_STEPS = 200
MODEL_STEPS = 50
"""Steps from 0 to 1: a value that is read is at most half a step from what was said."""

LEVEL_STEP_DB = 0.5
LEVEL_FLOOR_DBFS = -120.0

STATES: tuple[State, ...] = ("starting", "music", "speech", "uncertain", "silence", "no_signal", "paused")
"""Their places are in the stored blocks: append only."""

MINUTE_US = 60_000_000

_FORMAT = 1
_HEAD = struct.Struct("<BHH")  # format, hops, rows
_CLIPPED = 0x80
_TIME_ROWS = 4
_PLAIN_ROWS = 6  # state, rms, peak, agreement, divergence, whether the ensemble voted
_MOST_HOPS = 0xFFFF
# A block is small: a window of 64 KiB instead of megabytes of memory for each.
_FILTERS: list[dict[str, Any]] = [
    {"id": lzma.FILTER_LZMA1, "preset": 6, "dict_size": 1 << 16, "lc": 0, "lp": 0, "pb": 0}
]


@dataclass(frozen=True, slots=True)
class Layout:
    """What the values of a block belong to: the slugs of the labels and the names of the models, in order.

    `networks` are the models' fingerprints (`ModelSpec.fingerprint`), or nothing where an older program wrote it.
    """

    bundle: str
    labels: tuple[str, ...]
    models: tuple[str, ...]
    networks: tuple[str, ...] = ()

    def to_json(self) -> str:
        """As it is stored."""
        stored: dict[str, Any] = {"bundle": self.bundle, "labels": self.labels, "models": self.models}
        if self.networks:
            stored["networks"] = self.networks
        return json.dumps(stored, ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """As it was stored; `ValueError` when it was not."""
        try:
            stored = json.loads(text)
            labels, models = tuple(stored["labels"]), tuple(stored["models"])
            return cls(str(stored["bundle"]), labels, models, tuple(stored.get("networks", ())))
        except (KeyError, TypeError) as error:
            raise ValueError("no layout") from error

    @property
    def digest(self) -> str:
        """Names the layout: the same wherever it is the same."""
        return hashlib.sha256(self.to_json().encode(errors="surrogatepass")).hexdigest()

    @property
    def rows(self) -> int:
        """How many bytes a hop is before it is packed."""
        labels, models = len(self.labels), len(self.models)
        return _TIME_ROWS + _PLAIN_ROWS + models + labels + models * labels


@dataclass(frozen=True, slots=True)
class PackedHops:
    """A block as it is stored; `start_us` and `end_us` are the UTC microseconds of its first and its last hop."""

    station: str
    layout: Layout
    start_us: int
    end_us: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class HopBlock:
    """Consecutive hops of one station, at most a minute; n hops, L labels, M models, in the order of `layout`.

    `time_us` int64 (n,), rising: UTC microseconds of each hop's newest sample. `ensemble` float32 (n, L) and `models`
    float32 (n, M, L): probabilities 0-1, within half of 1/`ENSEMBLE_STEPS` and 1/`MODEL_STEPS`, NaN where there was no
    vote; `agreement` and `divergence` float32 (n,), 0-1, likewise. `rms_dbfs`, `peak_dbfs` float32 (n,), -120 to 7.5,
    within a quarter of a decibel; `clipped` bool (n,). `states`: n of `STATES`.
    """

    station: str
    layout: Layout
    time_us: NDArray[np.int64]
    states: NDArray[np.str_]
    ensemble: NDArray[np.float32] = field(repr=False)
    models: NDArray[np.float32] = field(repr=False)
    agreement: NDArray[np.float32] = field(repr=False)
    divergence: NDArray[np.float32] = field(repr=False)
    rms_dbfs: NDArray[np.float32] = field(repr=False)
    peak_dbfs: NDArray[np.float32] = field(repr=False)
    clipped: NDArray[np.bool_] = field(repr=False)

    def __len__(self) -> int:
        return len(self.time_us)

    def between(self, from_us: int | None, to_us: int | None) -> "HopBlock":
        """The hops within [from_us, to_us); None is no limit."""
        first = 0 if from_us is None else int(np.searchsorted(self.time_us, from_us))
        end = len(self) if to_us is None else int(np.searchsorted(self.time_us, to_us))
        if (first, end) == (0, len(self)):
            return self
        cut = {each.name: getattr(self, each.name)[first:end] for each in fields(self)[2:]}
        return replace(self, **cut)


def layout_of(hop: HopEvent, bundle: str, networks: Mapping[str, str]) -> Layout:
    """What the values of `hop` belong to; `networks` are the models' fingerprints by name, where they are known."""
    models = tuple(sorted(hop.models))
    return Layout(bundle, tuple(hop.rolling), models, tuple(networks.get(name, "") for name in models if networks))


def row_of_hop(hop: HopEvent, layout: Layout) -> NDArray[np.uint8]:
    """The bytes of a hop but for its time, shape (layout.rows - 4,)."""
    models, labels = len(layout.models), len(layout.labels)
    row = np.zeros(layout.rows - _TIME_ROWS, dtype=np.uint8)
    row[0] = STATES.index(hop.state) | (_CLIPPED if hop.level.clipped else 0)
    levels = np.array([hop.level.rms_dbfs, hop.level.peak_dbfs])
    row[1:3] = _bytes((levels - LEVEL_FLOOR_DBFS) / LEVEL_STEP_DB)
    row[3:5] = _bytes(np.array([hop.agreement, hop.divergence]) * ENSEMBLE_STEPS)
    row[5] = bool(hop.ensemble)
    place = _PLAIN_ROWS + models
    if hop.ensemble:
        row[place : place + labels] = _bytes(_values(hop.ensemble, layout) * ENSEMBLE_STEPS)
    for index, name in enumerate(layout.models):
        vote = hop.votes.get(name)
        if vote:
            row[_PLAIN_ROWS + index] = 1
            begin = place + labels * (1 + index)
            row[begin : begin + labels] = _bytes(_values(vote, layout) * MODEL_STEPS)
    return row


def pack(times_us: NDArray[np.int64], rows: NDArray[np.uint8]) -> bytes:
    """The data of n hops: `times_us` (n,) rising, by less than half an hour each; `rows` (n, the layout's rows - 4)."""
    steps = np.diff(times_us, prepend=times_us[:1]).astype("<i4")  # (n,)
    series = np.concatenate([steps.view(np.uint8).reshape(-1, _TIME_ROWS), rows], axis=1).T  # (rows, n)
    changes = np.diff(series, axis=1, prepend=np.zeros((len(series), 1), dtype=np.uint8))  # modulo 256
    body = lzma.compress(np.ascontiguousarray(changes).tobytes(), lzma.FORMAT_RAW, filters=_FILTERS)
    return _HEAD.pack(_FORMAT, len(times_us), len(series)) + body


def unpack(packed: PackedHops) -> HopBlock:
    """The values of a stored block.

    Raises:
        ValueError: these are no such bytes, or of another layout.
    """
    layout = packed.layout
    try:
        form, count, rows = _HEAD.unpack_from(packed.data)
        if (form, rows) != (_FORMAT, layout.rows):
            raise ValueError(f"a block of format {form} with {rows} rows, not of format {_FORMAT} with {layout.rows}")
        body = lzma.decompress(packed.data[_HEAD.size :], lzma.FORMAT_RAW, filters=_FILTERS)
    except (struct.error, lzma.LZMAError) as error:
        raise ValueError("no block of hops") from error
    if len(body) != rows * count:
        raise ValueError(f"a block of {len(body)} bytes, not {rows * count}")
    changes = np.frombuffer(body, dtype=np.uint8).reshape(rows, count)
    series = np.cumsum(changes, axis=1, dtype=np.uint8)  # (rows, n)
    steps = np.ascontiguousarray(series[:_TIME_ROWS].T).view("<i4")[:, 0]  # (n,)
    times_us = packed.start_us + np.cumsum(steps, dtype=np.int64)
    return _block(packed.station, layout, times_us, series[_TIME_ROWS:])


def _block(station: str, layout: Layout, times_us: NDArray[np.int64], plain: NDArray[np.uint8]) -> HopBlock:
    """The values of n hops; `plain` (the layout's rows - 4, n) as `row_of_hop` made them."""
    models, labels, count = len(layout.models), len(layout.labels), len(times_us)
    place = _PLAIN_ROWS + models
    joint = plain[place : place + labels].T.astype(np.float32) / np.float32(ENSEMBLE_STEPS)  # (n, L)
    votes = plain[place + labels :].T.astype(np.float32).reshape(count, models, labels)  # (n, M, L)
    votes /= np.float32(MODEL_STEPS)
    voted = plain[5] == 1  # (n,)
    joint[~voted] = np.nan
    votes[plain[_PLAIN_ROWS:place].T == 0] = np.nan
    levels = plain[1:3] * np.float32(LEVEL_STEP_DB) + np.float32(LEVEL_FLOOR_DBFS)
    shares = np.where(voted, plain[3:5] / np.float32(ENSEMBLE_STEPS), np.float32(np.nan))
    return HopBlock(
        station=station,
        layout=layout,
        time_us=times_us,
        states=np.array(STATES)[plain[0] & ~np.uint8(_CLIPPED)],
        ensemble=joint,
        models=votes,
        agreement=shares[0],
        divergence=shares[1],
        rms_dbfs=levels[0],
        peak_dbfs=levels[1],
        clipped=(plain[0] & _CLIPPED) != 0,
    )


class HopCollector:
    """Gathers hops until their minute is over.

    Of time that comes a second time, after a step of the clock, it is the first that is kept, as in the segments.
    """

    def __init__(self, bundle: str, networks: Mapping[str, str] | None = None) -> None:
        self._bundle = bundle
        self._networks = networks or {}
        self._growing: dict[str, _Growing] = {}
        self._reached_us: dict[str, int] = {}

    def add(self, hop: HopEvent, now_s: float) -> PackedHops | None:
        """Take a hop, at `now_s` of a monotonic clock; the block that it ends, if it does."""
        if hop.time_us <= self._reached_us.get(hop.station, -1):
            return None
        self._reached_us[hop.station] = hop.time_us
        layout = layout_of(hop, self._bundle, self._networks)
        growing, ended = self._growing.get(hop.station), None
        if growing is not None and not growing.takes(hop, layout):
            ended, growing = growing.packed(hop.station), None
        if growing is None:
            growing = self._growing[hop.station] = _Growing(layout, now_s)
        growing.times_us.append(hop.time_us)
        growing.rows.append(row_of_hop(hop, layout))
        return ended

    def take(self, before_s: float | None = None) -> list[PackedHops]:
        """The blocks begun before `before_s`, or all, which are no longer kept here: a quiet source ends none."""
        due = [key for key, block in self._growing.items() if before_s is None or block.begun_s < before_s]
        return [self._growing.pop(key).packed(key) for key in due]

    def growing(self) -> list[HopBlock]:
        """The hops whose minute is not over, a block a station; they stay here."""
        return [
            _block(key, block.layout, np.array(block.times_us, dtype=np.int64), np.stack(block.rows).T)
            for key, block in self._growing.items()
        ]


@dataclass(slots=True)
class _Growing:
    layout: Layout
    begun_s: float
    times_us: list[int] = field(default_factory=list)
    rows: list[NDArray[np.uint8]] = field(default_factory=list)

    def takes(self, hop: HopEvent, layout: Layout) -> bool:
        same = hop.time_us // MINUTE_US == self.times_us[0] // MINUTE_US and layout == self.layout
        return same and len(self.rows) < _MOST_HOPS

    def packed(self, station: str) -> PackedHops:
        data = pack(np.array(self.times_us, dtype=np.int64), np.stack(self.rows))
        return PackedHops(station, self.layout, self.times_us[0], self.times_us[-1], data)


def _values(named: Any, layout: Layout) -> NDArray[np.float64]:
    return np.array([named.get(slug, 0.0) for slug in layout.labels], dtype=np.float64)


def _bytes(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.clip(np.rint(np.nan_to_num(values)), 0, 255).astype(np.uint8)
