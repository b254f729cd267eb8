"""What the analyzer child does beside the hops, one frame at a time: pictures of what its networks saw, clips.

| from the parent | answer |
|---|---|
| `picture {station, model}` | `png`: what that model saw on the newest hop, pixel by pixel |
| `spectrogram {station, kind}` | `png`: the newest window, with axes |
| `clip {pcm, which}` | `clip {windows}`: that file is at hand; how many clips are "first", "centre" or "all" of it |
| `clip_step` | `step {is_done, start, models, high_db}`: the votes on the next clip, or null: go on |
| `clip_seen` | `seen {spectrograms, pictures}`: what was to be seen of the clip that was just voted on |
| `clip_end` | `clip`: they are put away |

A step takes about as long as a hop. The payload of `png` is the file, that of `seen` its parts one after another:
bytes of decibels column by column for each of `spectrograms`, a PNG for each of `pictures`, with the models that look
at it. What cannot be done is `failed {reason}`.
"""

import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ccmusic_stream.clip import ClipVoter, ClipVotes, clip_starts, high_bands_db
from ccmusic_stream.engine import Engine, as_bytes
from ccmusic_stream.geometry import HOP_LENGTH, KIND_OF, SAMPLE_RATE, Spectrogram
from ccmusic_stream.picture import as_image
from ccmusic_stream.spectrogram import SHOWN
from ccmusic_stream.votes import PictureKey, Vote
from ccmusicd import frames
from ccmusicd.drawing import draw_spectrogram


class Desk:
    """Answers requests from what an engine knows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._clip: Iterator[ClipVotes | None] | None = None
        self._seen: tuple[ClipVotes, Mapping[PictureKey, Tensor]] | None = None
        """The newest clip voted on, and its pictures: when they are asked for, the classifier's may be a hop's."""

    def answer(self, head: dict[str, Any]) -> bytes:
        """The frame that answers, whatever is wrong with the request: none may end the analyzer."""
        try:
            return self._answer(head)
        except Exception as error:  # noqa: BLE001 - told to whoever asked
            return frames.encode({"op": "failed", "reason": str(error) or type(error).__name__})

    def _answer(self, head: dict[str, Any]) -> bytes:
        match head["op"]:
            case "picture":
                return _png(Image.fromarray(self._engine.picture(head["station"], head["model"])))
            case "spectrogram":
                return _png(self._spectrogram(head["station"], head["kind"]))
            case "clip":
                self._clip, windows = self._opened(Path(head["pcm"]), head["which"])
                return frames.encode({"op": "clip", "windows": windows})
            case "clip_step":
                return frames.encode(self._step())
            case "clip_seen":
                return self._shown()
            case "clip_end":
                self._clip = self._seen = None
                return frames.encode({"op": "clip"})
            case unknown:
                raise ValueError(f"unknown job {unknown!r}")

    def _opened(self, pcm: Path, which: str) -> tuple[Iterator[ClipVotes | None], int]:
        samples: NDArray[np.float32] = np.memmap(pcm, dtype="<f4", mode="c")  # torch takes none that is read-only
        voter = ClipVoter(self._engine.classifier, self._engine.device)
        starts = clip_starts(len(samples), which)
        return voter.votes(samples, starts), len(starts)

    def _step(self) -> dict[str, Any]:
        if self._clip is None:
            raise LookupError("there is no clip on the desk")
        step: dict[str, Any] = {"op": "step", "is_done": False, "start": 0, "models": None, "high_db": 0.0}
        try:
            seen = next(self._clip)
        except StopIteration:
            self._clip = self._seen = None
            return {**step, "is_done": True}
        if seen is None:
            return step
        self._seen = seen, self._engine.classifier.seen
        high_db = high_bands_db(seen.windows["mel"][0])
        return {**step, "start": seen.start, "models": votes_on_the_wire(seen.votes), "high_db": high_db}

    def _shown(self) -> bytes:
        if self._seen is None:
            raise LookupError("no clip on the desk was looked at")
        clip, pictures = self._seen
        columns = {name: as_bytes(KIND_OF[name], clip.windows[name][0]).cpu().numpy() for name in SHOWN}
        files = [_file(Image.fromarray(as_image(each[0]))) for each in pictures.values()]
        of = self._engine.classifier.picture_of
        by_picture = {key: [name for name in clip.votes if of(name) == key] for key in pictures}
        head = {
            "op": "seen",
            "spectrograms": [
                {"kind": name, "bins": each.shape[0], "columns": each.shape[1]} for name, each in columns.items()
            ],
            "pictures": [
                {"models": models, "size": len(file)} for models, file in zip(by_picture.values(), files, strict=True)
            ],
        }
        return frames.encode(head, b"".join([*(each.T.tobytes() for each in columns.values()), *files]))

    def _spectrogram(self, station: str, kind: Spectrogram) -> Image.Image:
        levels = self._engine.levels(station, kind)
        columns_per_s = SAMPLE_RATE / HOP_LENGTH
        title = re.sub(r"[^ -~]", "?", station)  # what the font has
        return draw_spectrogram(kind, levels, -levels.shape[1] / columns_per_s, columns_per_s, title)


def votes_on_the_wire(votes: Mapping[str, Vote]) -> dict[str, Any]:
    """Votes by model, as `jobs.models_of` reads them."""
    return {
        name: {
            "probabilities": None if vote.probabilities is None else vote.probabilities.tolist(),
            "ms": vote.ms,
            "error": vote.error,
        }
        for name, vote in votes.items()
    }


def _png(image: Image.Image) -> bytes:
    return frames.encode({"op": "png"}, _file(image))


def _file(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)  # time matters more than bytes: the next hop waits
    return file.getvalue()
