"""Pictures for people: a spectrogram with its decibel scale, a waveform with its clips; in memory, by Pillow."""

import math
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from ccmusic_stream.geometry import CQT_BINS_PER_OCTAVE, MEL_BINS, MEL_FMAX_HZ, TransformName
from ccmusic_stream.magma import MAGMA
from ccmusicd.waveform import envelope

RANGE_DB = 80.0
"""From the loudest cell down to black."""

_PLOT_WIDTH = 1120
_SPECTROGRAM_HEIGHT = 512
_WAVEFORM_HEIGHT = 220
_LEFT, _TOP, _BOTTOM = 110, 72, 84
"""Margins around a plot, in pixels; room for numbers, a title, and the seconds."""

_BAR_GAP, _BAR_WIDTH, _BAR_RIGHT = 36, 26, 116
"""The colour bar: its distance from the plot, its width, and the room right of it."""

_PAPER, _INK, _FAINT = (255, 255, 255), (32, 32, 40), (120, 120, 132)
_WAVE, _CLIP, _CLIP_EDGE = (72, 36, 117), (253, 231, 199), (214, 120, 40)
_TEXT, _SMALL, _TITLE = 21, 18, 26
_TICK, _CAPTION = 8, 48
"""Length of a tick, and how far under the plot the units stand."""

_TARGET_TICKS = 10

_MEL_TICKS_HZ = (100, 250, 500, 1_000, 2_000, 4_000, 8_000)
_AMPLITUDES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)

_NAMES: dict[TransformName, str] = {
    "cqt": "CQT",
    "mel": "Mel spectrogram",
    "cqt_librosa": "CQT (librosa)",
    "mel_librosa": "Mel spectrogram (librosa)",
}


class _Box(NamedTuple):
    """The plot inside a picture, in pixels; right and bottom are the first outside."""

    left: int
    top: int
    right: int
    bottom: int


def draw_spectrogram(
    transform: TransformName, levels_db: NDArray[np.floating], start_s: float, columns_per_s: float, title: str
) -> Image.Image:
    """Decibels, shape (bins, columns), as a picture with axes and a colour bar; 0 dB is the loudest cell.

    Column 0 lies at `start_s` seconds. Low bins are at the bottom.
    """
    bins, columns = levels_db.shape
    image, pen, box = _sheet(_SPECTROGRAM_HEIGHT, _BAR_GAP + _BAR_WIDTH + _BAR_RIGHT)
    _title(pen, box, _NAMES[transform], title)
    below_db = np.maximum(levels_db - levels_db.max(), -RANGE_DB)
    cells = Image.fromarray(MAGMA[((below_db / RANGE_DB + 1.0) * 255.0).astype(np.uint8)][::-1])
    image.paste(cells.resize((box.right - box.left, box.bottom - box.top), Image.Resampling.NEAREST), box[:2])
    for name, place in _pitches(transform, bins):
        y = round(box.bottom - place / bins * (box.bottom - box.top))
        _tick_left(pen, box, y, name)
    _seconds(pen, box, start_s, start_s + columns / columns_per_s)
    _colour_bar(image, pen, box)
    return image


def draw_waveform(
    samples: NDArray[np.float32], rate: int, clips: Sequence[tuple[float, float]], title: str
) -> Image.Image:
    """A recording, shape (n,), with the clips (start and end in seconds) that were looked at marked in it."""
    image, pen, box = _sheet(_WAVEFORM_HEIGHT, _BAR_GAP)
    end_s = max(len(samples), 1) / rate
    _title(pen, box, "Waveform", title)
    width, height = box.right - box.left, box.bottom - box.top
    for start, end in clips:
        left, right = (box.left + round(second / end_s * (width - 1)) for second in (start, end))
        pen.rectangle((left, box.top, right, box.bottom - 1), fill=_CLIP)
        for edge in (left, right):
            pen.line((edge, box.top, edge, box.bottom - 1), fill=_CLIP_EDGE, width=2)
    peak = float(np.abs(samples).max(initial=0.0))
    limit = next((step for step in _AMPLITUDES if peak <= step), math.ceil(peak))
    middle, scale = (box.top + box.bottom) / 2, height / 2 / limit
    for x, (low, high) in enumerate(envelope(samples, width)):
        pen.line((box.left + x, middle - high * scale, box.left + x, middle - low * scale), fill=_WAVE)
    pen.line((box.left, middle, box.right - 1, middle), fill=_WAVE)
    for value in (-limit, 0.0, limit):
        _tick_left(pen, box, round(middle - value * scale), f"{value:g}")
    _frame(pen, box)
    _seconds(pen, box, 0.0, end_s)
    _caption(pen, box, box.left, "amplitude; full scale is 1", "lt")
    return image


def _sheet(plot_height: int, right: int) -> tuple[Image.Image, ImageDraw.ImageDraw, _Box]:
    box = _Box(_LEFT, _TOP, _LEFT + _PLOT_WIDTH, _TOP + plot_height)
    image = Image.new("RGB", (box.right + right, box.bottom + _BOTTOM), _PAPER)
    return image, ImageDraw.Draw(image), box


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # noqa: S101 (it is for every size that is given)
    return font


def _title(pen: ImageDraw.ImageDraw, box: _Box, name: str, rest: str) -> None:
    pen.text((box.left, box.top - 18), name, fill=_INK, font=_font(_TITLE), anchor="ls")
    left = box.left + pen.textlength(name, _font(_TITLE)) + 18
    room, font = box.right - left, _font(_TEXT)
    while rest and pen.textlength(rest, font) > room:
        rest = rest.removesuffix("…")[:-1] + "…"
        if rest == "…":
            return
    pen.text((left, box.top - 18), rest, fill=_FAINT, font=font, anchor="ls")


def _frame(pen: ImageDraw.ImageDraw, box: _Box) -> None:
    pen.rectangle((box.left - 1, box.top - 1, box.right, box.bottom), outline=_FAINT)


def _tick_left(pen: ImageDraw.ImageDraw, box: _Box, y: int, text: str) -> None:
    pen.line((box.left - 1 - _TICK, y, box.left - 1, y), fill=_INK)
    pen.text((box.left - _TICK - 8, y), text, fill=_INK, font=_font(_TEXT), anchor="rm")


def _seconds(pen: ImageDraw.ImageDraw, box: _Box, first: float, last: float) -> None:
    step = _round_step((last - first) / _TARGET_TICKS)
    for number in range(math.ceil(first / step - 1e-6), math.floor(last / step + 1e-6) + 1):
        x = box.left + round((number * step - first) / (last - first) * (box.right - box.left - 1))
        pen.line((x, box.bottom, x, box.bottom + _TICK), fill=_INK)
        pen.text((x, box.bottom + _TICK + 6), f"{number * step:g}", fill=_INK, font=_font(_TEXT), anchor="mt")
    _caption(pen, box, box.right, "seconds", "rt")


def _caption(pen: ImageDraw.ImageDraw, box: _Box, x: int, text: str, anchor: str) -> None:
    pen.text((x, box.bottom + _CAPTION), text, fill=_FAINT, font=_font(_SMALL), anchor=anchor)


def _colour_bar(image: Image.Image, pen: ImageDraw.ImageDraw, box: _Box) -> None:
    left = box.right + _BAR_GAP
    height = box.bottom - box.top
    shades = Image.fromarray(np.repeat(MAGMA[::-1, None], _BAR_WIDTH, axis=1))
    image.paste(shades.resize((_BAR_WIDTH, height), Image.Resampling.NEAREST), (left, box.top))
    for below in range(0, round(RANGE_DB) + 1, 20):
        y = box.top + round(below / RANGE_DB * (height - 1))
        right = left + _BAR_WIDTH
        pen.line((right, y, right + _TICK, y), fill=_INK)
        pen.text((right + _TICK + 8, y), f"{-below:d} dB", fill=_INK, font=_font(_TEXT), anchor="lm")
    _caption(pen, box, left, "0 dB: loudest", "lt")


def _pitches(transform: TransformName, bins: int) -> Iterator[tuple[str, float]]:
    """Names along the axis of pitch and their places in bins from the bottom: C1, C2 … or hertz."""
    if transform in {"cqt", "cqt_librosa"}:
        for octave in range(-(-bins // CQT_BINS_PER_OCTAVE)):
            yield f"C{octave + 1}", octave * CQT_BINS_PER_OCTAVE + 0.5
        return
    mel = _slaney_mel if transform == "mel_librosa" else _htk_mel
    for hertz in _MEL_TICKS_HZ:
        # The centres of the 128 triangles divide the scale from 0 to the highest frequency into 129 equal parts.
        place = mel(hertz) / mel(MEL_FMAX_HZ) * (MEL_BINS + 1) - 0.5
        yield f"{hertz:d} Hz" if hertz < 1_000 else f"{hertz // 1_000:d} kHz", place


def _htk_mel(hertz: float) -> float:
    return 2_595.0 * math.log10(1.0 + hertz / 700.0)


def _slaney_mel(hertz: float) -> float:
    """Slaney's Auditory Toolbox: linear below 1 kHz, logarithmic above."""
    return 3.0 * hertz / 200.0 if hertz < 1_000.0 else 15.0 + 27.0 * math.log(hertz / 1_000.0) / math.log(6.4)


def _round_step(least: float) -> float:
    """The least of 1, 2, 5, 10 … (or tenths, hundredths …) that is not below `least`, which is > 0."""
    power = 10.0 ** math.floor(math.log10(least))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= least * 0.999)
