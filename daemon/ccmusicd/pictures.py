"""What `classify --pictures` writes: for every recording its waveform, its spectrograms, and what each network saw."""

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from ccmusic_stream.geometry import HOP_LENGTH, KIND_OF, SAMPLE_RATE, Spectrogram, TransformName, transform_of
from ccmusic_stream.models.bundle import ModelSpec
from ccmusic_stream.picture import as_image, decibels, picture
from ccmusicd.drawing import draw_spectrogram, draw_waveform
from ccmusicd.refusals import PicturesError, make_folder

_LONGEST_NAME = 60
_LONGEST_LIST = 180
"""Characters of a recording's name and of the models' names in a file name, which most systems end at 255 bytes."""


class PictureFolder:
    """A folder with one folder for each recording, named after it and where it lies.

    Raises:
        PicturesError: it cannot be made.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        make_folder(root)

    def of(self, path: str, models: Sequence[ModelSpec]) -> "RecordingPictures":
        """The folder of the recording at `path`: the same one each time, and another for any other path.

        `models` are those that look at it.
        """
        place = os.fsencode(Path(path).expanduser().absolute())
        name = re.sub(r"[^\w.-]+", "_", Path(path).stem).strip("._-")[:_LONGEST_NAME]
        return RecordingPictures(
            self._root / f"{name or 'recording'}-{hashlib.sha256(place).hexdigest()[:8]}", path, models
        )


class RecordingPictures:
    """The pictures of one recording, in `folder`, which is made at once."""

    def __init__(self, folder: Path, path: str, models: Sequence[ModelSpec]) -> None:
        self.folder = folder
        self._title = re.sub(r"[^ -~]", "?", Path(path).name)  # what the font of the drawings has
        self._models = models
        make_folder(folder)

    def waveform(self, samples: NDArray[np.float32], clips: Sequence[tuple[float, float]]) -> None:
        """Write the whole recording, shape (n,), with the clips (start and end in seconds) marked."""
        self._save("waveform.png", draw_waveform(samples, SAMPLE_RATE, clips, self._title))

    def window(self, start_s: float, windows: Mapping[TransformName, tuple[float, Tensor]]) -> None:
        """Write the spectrograms of the clip at `start_s`, and every distinct picture that a network saw of it.

        Each window is its own start in seconds (upstream's slices are longer than the clip) and (bins, columns).
        """
        stamp = f"{start_s:07.1f}s"
        for transform, (begins_s, columns) in windows.items():
            levels = decibels(KIND_OF[transform], columns).cpu().numpy()
            image = draw_spectrogram(transform, levels, begins_s, SAMPLE_RATE / HOP_LENGTH, self._title)
            self._save(f"{stamp}-spectrogram-{transform}.png", image)
        seen: dict[tuple[Spectrogram, str], list[str]] = {}
        for spec in self._models:
            seen.setdefault(spec.picture, []).append(spec.name)
        for (kind, profile), names in seen.items():
            window = windows[transform_of(kind, profile)][1].unsqueeze(0)
            pixels = as_image(picture(kind, window, profile)[0])
            self._save(f"{stamp}-seen-{kind}-{profile}-by-{_listed(names)}.png", Image.fromarray(pixels))

    def _save(self, name: str, image: Image.Image) -> None:
        try:
            image.save(self.folder / name, "PNG")
        except OSError as error:
            raise PicturesError(f"{self.folder / name} cannot be written: {error.strerror or error}") from None


def _listed(names: Sequence[str]) -> str:
    """Names joined by +, as many as a file name takes."""
    shown = "+".join(names)
    if len(shown) <= _LONGEST_LIST:
        return shown
    kept = shown[:_LONGEST_LIST].rpartition("+")[0] or shown[:_LONGEST_LIST]
    return f"{kept}+{len(names) - kept.count('+') - 1}_more"
