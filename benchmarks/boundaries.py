"""How truly the timeline dates changes of genre, on broadcasts stitched from recordings, heard by the daemon's station.

Genres follow each other for 20 to 75 s each, several recordings of one where it is long; between genres lies a cut or a
cross-fade of 2 to 8 s, in turn; between recordings of one genre a cut. The daemon's own station, decisions and engine
hear it on a virtual clock. A joint counts where both genres were recognised: the one was shown when the joint began,
the other after it, within 25 s and before the next; its error is the distance to the nearest beginning of a segment of
the latter. Of all joints, however what lies before and after was named, the distance to the nearest change is told too.
A change within a stretch, 10 s and more from its ends, is a false one, also to or from no genre. Prints JSON.

    python benchmarks/boundaries.py --data DIR [--bundle starter] [--minutes 20] [--stretch 20 75] [--genres …]
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from measuring import machine, quantile
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import Progress

from ccmusic_stream.classifier import pick_device
from ccmusic_stream.engine import Engine
from ccmusic_stream.geometry import SAMPLE_RATE
from ccmusic_stream.models.bundle import Bundle
from ccmusicd.events import HopEvent, SegmentEvent
from ccmusicd.hearing import Hearing, engine_of
from ccmusicd.weights.bundles import open_bundle
from training.data.folders import find
from training.data.recording import Recording
from training.features import decode

Sound = NDArray[np.float32]

RECOGNISED_WITHIN_S = 25.0
SETTLED_S = 10.0
BLOCK = SAMPLE_RATE // 2


@dataclass(frozen=True, slots=True)
class Stretch:
    """One genre, from the middle of the joint before it to that of the next; `fade_s` is the first joint's length."""

    genre: str
    start_s: float
    end_s: float
    fade_s: float


@dataclass(frozen=True, slots=True)
class Told:
    """What the daemon's station told: its segments, and the genre that each hop showed, if any."""

    segments: Sequence[SegmentEvent]
    shown: Sequence[tuple[float, str | None]]

    def shown_before(self, at_s: float) -> str | None:
        """The genre shown at this moment."""
        return next((genre for time_s, genre in reversed(self.shown) if time_s <= at_s), None)

    def shown_within(self, from_s: float, to_s: float) -> set[str | None]:
        """All that was shown between the two."""
        return {genre for time_s, genre in self.shown if from_s < time_s < to_s}


def broadcast(
    recordings: Sequence[Recording], seconds: float, stretch_s: tuple[float, float], random: np.random.Generator
) -> tuple[Sound, list[Stretch]]:
    """About so many seconds of recordings, each at most once before all were played, and the truth about them.

    A genre lasts between the two of `stretch_s`.
    """
    by_genre: dict[str, list[Recording]] = {}
    for one in recordings:
        by_genre.setdefault(one.genre, []).append(one)
    waiting = {genre: list(random.permutation(len(those))) for genre, those in by_genre.items()}
    sound, stretches, genre = np.empty(0, np.float32), list[Stretch](), ""
    while len(sound) < seconds * SAMPLE_RATE:
        genre = str(random.choice([other for other in by_genre if other != genre]))
        piece = _stretch(by_genre[genre], waiting[genre], random.uniform(*stretch_s), random)
        fade_s = 0.0 if len(stretches) % 2 == 0 else float(random.uniform(2, 8))
        sound, joint_s = _joined(sound, piece, fade_s if stretches else 0.0)
        if stretches:
            before = stretches[-1]
            stretches[-1] = Stretch(before.genre, before.start_s, joint_s, before.fade_s)
        stretches.append(Stretch(genre, joint_s, len(sound) / SAMPLE_RATE, fade_s if stretches else 0.0))
    return sound, stretches


def _stretch(those: Sequence[Recording], waiting: list[int], seconds: float, random: np.random.Generator) -> Sound:
    """Recordings of one genre, alike loud, one after another."""
    parts: list[Sound] = []
    while sum(map(len, parts)) < seconds * SAMPLE_RATE:
        if not waiting:
            waiting.extend(random.permutation(len(those)))
        samples = decode(those[waiting.pop()].path)
        loud = float(np.sqrt(np.mean(samples.astype(np.float64) ** 2)))
        parts.append(samples * np.float32(0.1 / max(loud, 1e-4)))
    return np.concatenate(parts)[: round(seconds * SAMPLE_RATE)]


def _joined(before: Sound, after: Sound, fade_s: float) -> tuple[Sound, float]:
    """Two sounds with an equal-power cross-fade, and the second at its middle."""
    fade = min(round(fade_s * SAMPLE_RATE), len(before), len(after))
    ramp = np.sin(np.linspace(0, np.pi / 2, fade, dtype=np.float32))
    both = before[len(before) - fade :] * ramp[::-1] + after[:fade] * ramp
    middle_s = (len(before) - fade / 2) / SAMPLE_RATE
    return np.concatenate((before[: len(before) - fade], both, after[fade:])), middle_s


def timeline(engine: Engine, bundle: Bundle, sound: Sound, on_block: Callable[[], object]) -> Told:
    """What the daemon's station makes of it."""
    hearing = Hearing(engine, bundle, "broadcast")
    inbox = hearing.hub.subscribe(("segment", "hop"), capacity=256)
    segments: dict[str, SegmentEvent] = {}
    shown: list[tuple[float, str | None]] = []

    def take() -> None:
        for event in inbox.drain():
            if isinstance(event, SegmentEvent):
                segments[event.id] = event
            elif isinstance(event, HopEvent):
                shown.append((event.time_us / 1e6, event.genre))

    hearing.begin()
    for first in range(0, len(sound), BLOCK):
        hearing.play(sound[first : first + BLOCK])
        take()
        on_block()
    hearing.close()
    take()
    return Told(sorted(segments.values(), key=lambda event: event.start_us), shown)


def judged(truth: Sequence[Stretch], told: Told) -> dict[str, Any]:
    """The timeline against the truth."""
    changes = told.segments[1:]
    found, any_change = [], []
    for index, (before, after) in enumerate(pairwise(truth)):
        any_change.append(min(abs(one.start_us / 1e6 - after.start_s) for one in changes))
        next_s = truth[index + 2].start_s if index + 2 < len(truth) else after.end_s
        first_s, last_s = after.start_s - after.fade_s / 2, after.start_s + after.fade_s / 2
        afterwards = told.shown_within(last_s, min(last_s + RECOGNISED_WITHIN_S, next_s))
        if told.shown_before(first_s) == before.genre and after.genre in afterwards:
            near = [
                (abs(one.start_us / 1e6 - after.start_s), one)
                for one in changes
                if one.genre == after.genre
                and one.start_us / 1e6 < last_s + RECOGNISED_WITHIN_S < one.end_us / 1e6 + RECOGNISED_WITHIN_S
            ]
            if near:
                error_s, change = min(near, key=lambda item: item[0])
                found.append((error_s, change, after.fade_s))
    false = sum(_is_false(change.start_us / 1e6, truth) for change in changes)
    named = [one for one in told.segments if one.genre]
    others = [b for a, b in pairwise(named) if a.genre != b.genre]
    false_genres = sum(_is_false(change.start_us / 1e6, truth) for change in others)
    heard_s = truth[-1].end_s
    right_s = sum(_overlap_s(segment, stretch) for segment in told.segments for stretch in truth)
    named_s = sum((one.end_us - one.start_us) / 1e6 for one in named)
    return {
        "seconds": round(heard_s, 1),
        "share_named": round(named_s / heard_s, 3),
        "share_right": round(right_s / heard_s, 3),
        "joints": len(truth) - 1,
        "recognised": len(found),
        "cuts": _errors([error for error, _, fade_s in found if fade_s == 0]),
        "fades": _errors([error for error, _, fade_s in found if fade_s > 0]),
        "all": _errors([error for error, _, _ in found]),
        "within_told_error": sum(error <= change.error_s + 0.1 for error, change, _ in found),
        "any_change_at_a_joint": {
            "within_0.5_s": sum(distance_s <= 0.5 for distance_s in any_change),
            "within_1.5_s": sum(distance_s <= 1.5 for distance_s in any_change),
            "within_5_s": sum(distance_s <= 5 for distance_s in any_change),
        },
        "fades_from_3_s": sum(fade_s >= 3 for _, _, fade_s in found),
        "of_these_told_as_blends": sum(fade_s >= 3 and change.blend is not None for _, change, fade_s in found),
        "cuts_told_as_blends": sum(fade_s == 0 and change.blend is not None for _, change, fade_s in found),
        "false_changes_in_10_min": round(false / heard_s * 600, 2),
        "of_these_from_a_genre_to_another": round(false_genres / heard_s * 600, 2),
    }


def _errors(errors: Sequence[float]) -> dict[str, float | int]:
    if not errors:
        return {"count": 0}
    return {
        "count": len(errors),
        "median_s": round(float(np.median(errors)), 2),
        "p95_s": round(quantile(errors, 0.95), 2),
        "worst_s": round(max(errors), 2),
    }


def _is_false(at_s: float, truth: Sequence[Stretch]) -> bool:
    return any(one.start_s + SETTLED_S < at_s < one.end_s - SETTLED_S for one in truth)


def _overlap_s(segment: SegmentEvent, stretch: Stretch) -> float:
    if segment.genre != stretch.genre:
        return 0.0
    return max(0.0, min(segment.end_us / 1e6, stretch.end_s) - max(segment.start_us / 1e6, stretch.start_s))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder of genre folders")
    parser.add_argument("--bundle", default="starter")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument(
        "--stretch", type=float, nargs=2, default=(20.0, 75.0), metavar="S", help="least and most seconds of a genre"
    )
    parser.add_argument("--genres", nargs="+", metavar="GENRE", help="only these")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--timeline", action="store_true", help="print the truth and the timeline, too")
    options = parser.parse_args()
    bundle = open_bundle([options.bundle])
    errors = Console(stderr=True)
    engine = engine_of(bundle, errors)
    genres = set(options.genres or bundle.labels.slugs)
    recordings = [one for one in find([options.data], bundle.labels) if one.genre in genres]
    random = np.random.default_rng(options.seed)
    sound, truth = broadcast(recordings, options.minutes * 60, tuple(options.stretch), random)
    with Progress(console=errors, transient=True) as shown:
        task = shown.add_task("heard", total=-(-len(sound) // BLOCK))
        told = timeline(engine, bundle, sound, lambda: shown.advance(task))
    result = {
        "benchmark": "boundaries",
        **machine(pick_device("auto")),
        "bundle": bundle.name,
        "trained": bundle.trained,
        "seed": options.seed,
        **judged(truth, told),
    }
    if options.timeline:
        result["truth"] = [[round(one.start_s, 1), one.genre, round(one.fade_s, 1)] for one in truth]
        result["timeline"] = [
            [round(one.start_us / 1e6, 1), one.genre or one.kind, round(one.error_s, 1)] for one in told.segments
        ]
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
