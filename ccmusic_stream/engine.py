"""Columns of every station and the classifier, on one device: PCM in, votes and new columns out."""

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ccmusic_stream.classifier import Classifier
from ccmusic_stream.geometry import (
    DB_FLOOR,
    DB_STEP,
    HOP_LENGTH,
    KIND_OF,
    WINDOW_COLUMNS,
    Spectrogram,
    TransformName,
    transform_of,
    window_columns,
)
from ccmusic_stream.picture import as_image, decibels
from ccmusic_stream.spectrogram import SHOWN, StreamingColumns, Transforms
from ccmusic_stream.votes import PictureKey, Vote

MEASURED_HOP_COLUMNS = 43
"""Columns in the hop that is timed: about 1 s."""

WARM_UP_HOPS = 1


@dataclass(frozen=True, slots=True)
class Heard:
    """Whole hops of one station's sound, shape (hops · hop_columns · 512,) float32; only the newest is voted on.

    `reset`: nothing that is known of the station precedes them.
    """

    station: str
    samples: NDArray[np.float32]
    reset: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """The votes on a station's newest hop, by model, and its new columns: shape (bins, columns), as `SHOWN` names."""

    votes: dict[str, Vote]
    columns: dict[TransformName, NDArray[np.uint8]]


class Engine:
    """One device's work for all stations. Stations come into being when they are first heard."""

    def __init__(self, classifier: Classifier, device: torch.device) -> None:
        self.classifier = classifier
        self.device = device
        names = dict.fromkeys((*SHOWN, *(transform_of(*key) for key in classifier.pictures)))
        columns = max([WINDOW_COLUMNS, *(window_columns(profile) for _, profile in classifier.pictures)])
        transforms = Transforms(centre=False).to(device)
        self._columns = StreamingColumns(transforms, device, names=names, columns=columns, stations=0)
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._seen: dict[str, Mapping[PictureKey, torch.Tensor]] = {}
        self.hop_columns = MEASURED_HOP_COLUMNS

    @torch.inference_mode()
    def hop(self, heard: Sequence[Heard]) -> list[Seen]:
        """What is seen of each station, each at most once in `heard`; all of them go through the device together.

        The columns of each hop are computed apart, so that shapes stay fixed however many hops come at once.
        """
        slots = [self._slot(one) for one in heard]
        drawn: list[list[dict[TransformName, torch.Tensor]]] = [[] for _ in heard]
        hops = [torch.split(torch.from_numpy(one.samples), self.hop_columns * HOP_LENGTH) for one in heard]
        for round_ in range(max(map(len, hops))):
            places = [place for place, parts in enumerate(hops) if len(parts) > round_]
            samples = torch.stack([hops[place][round_] for place in places]).to(self.device)
            new = self._columns.push(samples, [slots[place] for place in places])
            shown = {name: as_bytes(KIND_OF[name], new[name]).cpu() for name in SHOWN}
            for row, place in enumerate(places):
                drawn[place].append({name: columns[row] for name, columns in shown.items()})
        votes = self.classifier.votes(self._columns.windows(slots))
        for row, one in enumerate(heard):
            self._seen[one.station] = {key: pictures[row] for key, pictures in self.classifier.seen.items()}
        return [
            Seen(vote, {name: torch.cat([part[name] for part in parts], dim=1).numpy() for name in SHOWN})
            for vote, parts in zip(votes, drawn, strict=True)
        ]

    def forget(self, station: str) -> None:
        """The station is gone: its place is free for another."""
        self._seen.pop(station, None)
        slot = self._slots.pop(station, None)
        if slot is not None:
            self._columns.reset(slot)
            self._free.append(slot)

    def picture(self, station: str, model: str) -> NDArray[np.uint8]:
        """What a model saw on a station's newest hop, shape (224, 224) grey or (224, 224, 3).

        Raises:
            LookupError: there is no such station or model, no hop yet, or the picture could not be drawn.
        """
        key = self.classifier.picture_of(model)
        if key is None or key not in self._seen.get(station, {}):
            raise LookupError(f"{model} has seen nothing of {station}")
        return as_image(self._seen[station][key])

    @torch.inference_mode()
    def levels(self, station: str, kind: Spectrogram) -> NDArray[np.float32]:
        """The window of a station's newest hop in decibels, shape (bins, 431).

        Raises:
            LookupError: there is no such station.
        """
        if station not in self._slots:
            raise LookupError(f"nothing is heard of {station}")
        window = self._columns.windows([self._slots[station]])[kind][0]
        return np.asarray(decibels(kind, window[:, -WINDOW_COLUMNS:]).cpu().numpy(), np.float32)

    def measure(self, hops: int, stations: int = 1) -> float:
        """Seconds that a hop of so many stations takes: the median over `hops` hops of noise after a warm-up."""
        noise = np.random.default_rng(0).standard_normal(MEASURED_HOP_COLUMNS * HOP_LENGTH, dtype=np.float32)
        heard = [Heard(f"measured {number}", noise) for number in range(stations)]
        seconds = []
        for _ in range(WARM_UP_HOPS + hops):
            started = time.perf_counter()
            self.hop(heard)
            seconds.append(time.perf_counter() - started)
        for one in reversed(heard):  # their slots are free for real stations, the first one first
            self.forget(one.station)
        return statistics.median(seconds[WARM_UP_HOPS:])

    def _slot(self, heard: Heard) -> int:
        slot = self._slots.get(heard.station)
        if slot is None:
            slot = self._free.pop() if self._free else len(self._slots)
            self._slots[heard.station] = slot
            self._columns.grow(slot + 1)
        elif heard.reset:
            self._columns.reset(slot)
        return slot


def as_bytes(kind: Spectrogram, columns: torch.Tensor) -> torch.Tensor:
    """Columns as decibels in bytes, `DB_FLOOR` + value · `DB_STEP`: any shape → the same shape, uint8."""
    return ((decibels(kind, columns) - DB_FLOOR) / DB_STEP).round_().clamp_(0, 255).to(torch.uint8)
