"""What the analyzer child does beside the hops, one frame at a time: pictures of what its networks saw.

| from the parent | answer |
|---|---|
| `picture {station, model}` | `png`: what that model saw on the newest hop, pixel by pixel |
| `spectrogram {station, kind}` | `png`: the newest window, with axes |

The payload of `png` is the file. What cannot be done is answered `failed {reason}`.
"""

import io
import re
from typing import Any

from PIL import Image

from ccmusic_stream.engine import Engine
from ccmusic_stream.geometry import HOP_LENGTH, SAMPLE_RATE, Spectrogram
from ccmusicd import frames
from ccmusicd.drawing import draw_spectrogram


class Desk:
    """Answers requests from what an engine knows."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

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
            case unknown:
                raise ValueError(f"unknown job {unknown!r}")

    def _spectrogram(self, station: str, kind: Spectrogram) -> Image.Image:
        levels = self._engine.levels(station, kind)
        columns_per_s = SAMPLE_RATE / HOP_LENGTH
        title = re.sub(r"[^ -~]", "?", station)  # what the font has
        return draw_spectrogram(kind, levels, -levels.shape[1] / columns_per_s, columns_per_s, title)


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)  # time matters more than bytes: the next hop waits
    return frames.encode({"op": "png"}, file.getvalue())
