"""PCM in, votes and columns out, for several stations at once."""

from collections.abc import Mapping

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from ccmusic_stream.classifier import Classifier
from ccmusic_stream.engine import MEASURED_HOP_COLUMNS, Engine, Heard, Seen, as_bytes
from ccmusic_stream.geometry import (
    BINS,
    CCMUSIC_WINDOW_COLUMNS,
    DB_FLOOR,
    DB_STEP,
    HOP_LENGTH,
    PRIME_COLUMNS,
    WINDOW_COLUMNS,
    Spectrogram,
    TransformName,
    transform_of,
)
from ccmusic_stream.models.bundle import ModelSpec
from ccmusic_stream.picture import network_input, picture
from ccmusic_stream.runtimes.cpu import CpuVoters, Scheme
from ccmusic_stream.spectrogram import Transforms

CPU = torch.device("cpu")
HALF = (0.5, 0.5, 0.5)
HOP = MEASURED_HOP_COLUMNS * HOP_LENGTH


class Halves:
    """Logits that say how bright the left and the right half of the picture are."""

    threads = 1

    def __call__(self, picture: Tensor) -> Tensor:
        return torch.stack([picture[..., :112].mean(), picture[..., 112:].mean()]).unsqueeze(0)


def engine(kind: Spectrogram = "cqt", profile: str = "seed") -> Engine:
    specs = {"m": ModelSpec("m", "resnet50", kind, "gap", profile, None, None, 0, HALF, HALF)}
    return Engine(Classifier(specs, CpuVoters(specs, {"m": Halves()}, Scheme(1, 1))), CPU)


def sound(seed: int, hops: int) -> NDArray[np.float32]:
    random = np.random.default_rng(seed)
    return (random.standard_normal(hops * HOP) * np.linspace(0.01, 0.3, hops * HOP)).astype(np.float32)


def probabilities(seen: Seen) -> list[float]:
    vote = seen.votes["m"]
    assert vote.error is None
    assert vote.probabilities is not None
    return [float(p) for p in vote.probabilities]


def test_stations_that_come_together_are_seen_as_each_alone() -> None:
    together, alone = engine(), {name: engine() for name in "abc"}
    sounds = {name: sound(seed, 4) for seed, name in enumerate("abc")}
    for hop in range(4):
        names = "abc" if hop != 2 else "ca"
        part = slice(hop * HOP, (hop + 1) * HOP)
        seen = together.hop([Heard(name, sounds[name][part]) for name in names])
        for name, one in zip(names, seen, strict=True):
            [other] = alone[name].hop([Heard(name, sounds[name][part])])
            assert probabilities(one) == pytest.approx(probabilities(other), abs=1e-3)
            for kind, columns in one.columns.items():
                assert columns.shape == (BINS[kind], MEASURED_HOP_COLUMNS)  # type: ignore[index]
                assert np.abs(columns.astype(int) - other.columns[kind]).max() <= 1


def test_a_backlog_is_seen_as_its_hops_one_after_the_other() -> None:
    late, timely = engine(), engine()
    music, other = sound(1, 5), sound(2, 2)
    for hop in range(5):
        [last] = timely.hop([Heard("a", music[hop * HOP : (hop + 1) * HOP])])
    [backlog, beside] = late.hop([Heard("a", music), Heard("b", other)])
    assert probabilities(backlog) == pytest.approx(probabilities(last), abs=1e-6)
    assert backlog.columns["cqt"].shape == (84, 5 * MEASURED_HOP_COLUMNS)
    assert beside.columns["mel"].shape == (128, 2 * MEASURED_HOP_COLUMNS)
    np.testing.assert_array_equal(backlog.columns["mel"][:, -MEASURED_HOP_COLUMNS:], last.columns["mel"])


def test_after_a_reset_a_station_begins_in_silence() -> None:
    used, fresh = engine(), engine()
    used.hop([Heard("a", sound(1, 3)), Heard("b", sound(2, 1))])
    [again] = used.hop([Heard("a", sound(3, 1), reset=True)])
    [first] = fresh.hop([Heard("a", sound(3, 1))])
    assert probabilities(again) == pytest.approx(probabilities(first), abs=1e-6)


def test_measuring_leaves_no_station_behind() -> None:
    measured, fresh = engine(), engine()
    assert measured.measure(2, stations=3) > 0
    music = sound(4, 1)
    [one], [other] = measured.hop([Heard("a", music)]), fresh.hop([Heard("a", music)])
    assert probabilities(one) == pytest.approx(probabilities(other), abs=1e-6)


@pytest.mark.parametrize(
    ("profile", "names", "columns"),
    [
        ("seed", {"cqt", "mel"}, WINDOW_COLUMNS),
        ("ccmusic", {"cqt", "mel", "cqt_librosa"}, CCMUSIC_WINDOW_COLUMNS),
    ],
)
def test_only_what_people_see_and_models_want_is_computed(
    monkeypatch: pytest.MonkeyPatch, profile: str, names: set[str], columns: int
) -> None:
    shapes: dict[str, tuple[int, ...]] = {}
    votes = Classifier.votes

    def watched(self: Classifier, windows: Mapping[TransformName, Tensor]) -> object:
        shapes.update({name: tuple(window.shape) for name, window in windows.items()})
        return votes(self, windows)

    monkeypatch.setattr(Classifier, "votes", watched)
    [seen] = engine(profile=profile).hop([Heard("a", sound(5, 1))])
    assert set(shapes) == names
    assert {shape[2] for shape in shapes.values()} == {columns}
    assert set(seen.columns) == {"cqt", "mel"}
    assert probabilities(seen)[1] > probabilities(seen)[0]  # the newest second is loud, on the right


@pytest.mark.parametrize("kind", ["cqt", "mel"])
@pytest.mark.parametrize("profile", ["seed", "ccmusic"])
def test_a_model_votes_on_the_picture_of_the_newest_columns(kind: Spectrogram, profile: str) -> None:
    music = sound(6, 14)
    [seen] = engine(kind, profile).hop([Heard("a", music)])
    newest = torch.from_numpy(music[-PRIME_COLUMNS * HOP_LENGTH :])
    with torch.inference_mode():
        whole = Transforms(centre=False).columns(transform_of(kind, profile), newest)
        shown = network_input(picture(kind, whole.unsqueeze(0), profile), HALF, HALF)
        expected = torch.softmax(Halves()(shown)[0], dim=0)
    assert probabilities(seen) == pytest.approx(expected.tolist(), abs=1e-3)


def test_bytes_are_decibels_from_the_floor_up() -> None:
    magnitudes = torch.tensor([0.0, 1e-5, 1e-3, 1.0, 10.0, 1e6])
    expected = [0, 0, round((-60 - DB_FLOOR) / DB_STEP), round(-DB_FLOOR / DB_STEP), 192, 255]
    assert as_bytes("cqt", magnitudes).tolist() == expected


def test_a_station_that_is_forgotten_leaves_its_place_to_another_without_a_trace() -> None:
    used, fresh = engine(), engine()
    for name in ("a", "b"):
        used.hop([Heard(name, sound(1, 3))])
    used.forget("a")
    used.forget("never there")
    with pytest.raises(LookupError):
        used.picture("a", "m")
    (seen,) = used.hop([Heard("c", sound(2, 2))])
    (wanted,) = fresh.hop([Heard("c", sound(2, 2))])
    assert probabilities(seen) == probabilities(wanted)
    assert used._columns.stations == 2
