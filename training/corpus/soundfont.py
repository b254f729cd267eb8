"""Parts of a score played by FluidSynth with a General MIDI sound font.

The sound font is loaded once a process. Sounds are rendered at one and a half times the corpus's rate: what the font's
44.1 kHz samples fold down then falls into the band that the resampling takes away.
"""

import ctypes
import dataclasses
import functools
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.signal import resample_poly

from ccmusic_stream.errors import CcmusicError
from ccmusicd.capture.music.score import INSTRUMENTS, Note, Part, Score

RATE = 22_050
TAIL_S = 2.0
SOUND_FONTS = (Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"), Path("/usr/share/sounds/sf2/default-GM.sf2"))
_RENDER_RATE = RATE * 3 // 2
_BLOCK = 64
"""Samples; FluidSynth starts notes at blocks of so many, which are 1.9 ms."""
_DRUM_BANK = 128
_DRUM_CHANNEL, _PLAIN, _MUTED, _HARMONIC, _SLIDE = 9, 0, 1, 2, 3
_MUTED_GUITAR, _GUITAR_HARMONICS = 28, 31
_WARNING = 2
"""FluidSynth's number of the level."""
_BEND_RANGE = 2.0
"""Semitones that the pitch wheel goes up and down: General MIDI's default."""
_HIGHEST = {"contrabass": 57, "violin": 93, "fiddle": 93, "string_section": 98}
"""The highest pitches that FluidR3 has of instruments that composers write higher for."""
_SLIDE_S = 0.09
_LENGTHS = {"staccato": 0.5, "legato": 1.04}


class SoundFontError(CcmusicError):
    """FluidSynth or its General MIDI sound font is not installed."""

    exit_code = 69

    def __init__(self, missing: str) -> None:
        super().__init__(
            f"{missing} is missing: install the Debian packages libfluidsynth3 and fluid-soundfont-gm "
            "(apt-get install --no-install-recommends libfluidsynth3 fluid-soundfont-gm)"
        )


class _Event(NamedTuple):
    """`order` sorts what happens in one block: ends of notes, wheel, starts."""

    block: int
    order: int
    channel: int
    key: int
    value: int


_END, _WHEEL, _START = 0, 1, 2


class SoundFont:
    """A loaded sound font, and a new synthesiser for each part, without FluidSynth's reverb and chorus.

    A synthesiser that is used again starts its voices with traces of what they played before; the sound of a part
    would depend on the parts before it.
    """

    def __init__(self, path: Path) -> None:
        try:
            import fluidsynth  # noqa: PLC0415  # raises where the library is not installed
        except ImportError as error:
            raise SoundFontError("libfluidsynth") from error
        pointer, number = ctypes.c_void_p, ctypes.c_int
        self._write = fluidsynth.cfunc(
            "fluid_synth_write_float",
            number,
            *(("synth", pointer, 1), ("len", number, 1)),
            *(("lout", pointer, 1), ("loff", number, 1), ("lincr", number, 1)),
            *(("rout", pointer, 1), ("roff", number, 1), ("rincr", number, 1)),
        )
        by_id = fluidsynth.cfunc("fluid_synth_get_sfont_by_id", pointer, ("synth", pointer, 1), ("id", number, 1))
        shared = ("synth", pointer, 1), ("sfont", pointer, 1)
        self._lend = fluidsynth.cfunc("fluid_synth_add_sfont", number, *shared)
        self._take_back = fluidsynth.cfunc("fluid_synth_remove_sfont", number, *shared)
        log = fluidsynth.cfunc(
            "fluid_set_log_function", pointer, ("level", number, 1), ("fun", pointer, 1), ("data", pointer, 1)
        )
        log(_WARNING, None, None)  # it warns of every channel when a synthesiser gives its sound font back
        off = {"synth.reverb.active": 0, "synth.chorus.active": 0}
        self._new = functools.partial(fluidsynth.Synth, gain=0.3, samplerate=float(_RENDER_RATE), channels=16, **off)
        self._owner = self._synth = self._new()
        loaded = self._owner.sfload(str(path))
        if loaded < 0:
            raise SoundFontError(str(path))
        self._shared = by_id(self._owner.synth, loaded)

    def part(self, part: Part, score: Score) -> npt.NDArray[np.float32]:
        """The whole part, dry and mono at 22,050 Hz: as long as the score and two seconds more.

        Raises:
            ValueError: General MIDI has nothing like the part's instrument.
        """
        instrument = INSTRUMENTS[part.instrument]
        if instrument.program is None:
            raise ValueError(f"General MIDI has no {part.instrument}")
        self._synth = self._new()
        font = self._lend(self._synth.synth, self._shared)
        try:
            events = self._drummer(part, score, font) if instrument.drums else self._player(part, score, font)
            return self._render(sorted(events), round((score.seconds + TAIL_S) * RATE))
        finally:
            self._take_back(self._synth.synth, self._shared)
            self._synth.delete()

    def _drummer(self, part: Part, score: Score, font: int) -> Iterator[_Event]:
        self._choose(_DRUM_CHANNEL, font, _DRUM_BANK, INSTRUMENTS[part.instrument].program)
        return _drum_events(part, score)

    def _player(self, part: Part, score: Score, font: int) -> Iterator[_Event]:
        instrument = INSTRUMENTS[part.instrument]
        guitar = instrument.family in {"acoustic_guitar", "electric_guitar"}
        special = {_MUTED: _MUTED_GUITAR, _HARMONIC: _GUITAR_HARMONICS} if guitar else {}
        for channel in (_PLAIN, _MUTED, _HARMONIC, _SLIDE):
            self._choose(channel, font, 0, special.get(channel, instrument.program))
        return _note_events(part, score)

    def _choose(self, channel: int, font: int, bank: int, program: int | None) -> None:
        if self._synth.program_select(channel, font, bank, program) < 0:
            raise SoundFontError(f"program {program} of bank {bank} of the sound font")

    def _render(self, events: list[_Event], length: int) -> npt.NDArray[np.float32]:
        blocks = -(-length * 3 // (2 * _BLOCK)) + 1
        stereo = np.zeros((blocks * _BLOCK, 2), np.float32)
        done = 0
        for block, now in itertools.groupby(events, key=lambda event: event.block):
            done = self._advance(stereo, done, min(block, blocks))
            for event in now:
                self._play(event)
        self._advance(stereo, done, blocks)
        mono = (stereo[:, 0] + stereo[:, 1]) * np.float32(0.5)
        return np.asarray(resample_poly(mono, 2, 3)[:length], np.float32)

    def _advance(self, stereo: npt.NDArray[np.float32], done: int, until: int) -> int:
        if until > done:
            out = stereo.ctypes.data
            first = done * _BLOCK * 2
            self._write(self._synth.synth, (until - done) * _BLOCK, out, first, 2, out, first + 1, 2)
        return max(done, until)

    def _play(self, event: _Event) -> None:
        if event.order == _START:
            self._synth.noteon(event.channel, event.key, event.value)
        elif event.order == _END:
            self._synth.noteoff(event.channel, event.key)
        else:
            self._synth.pitch_bend(event.channel, event.value)


@functools.cache
def sound_font() -> SoundFont:
    """The process's own synthesiser, with the sound font that is installed.

    Raises:
        SoundFontError: none is, or FluidSynth is not.
    """
    path = next((path for path in SOUND_FONTS if path.exists()), None)
    if path is None:
        raise SoundFontError(f"the sound font {SOUND_FONTS[0]}")
    return SoundFont(path)


def _block(beat: float, score: Score) -> int:
    return max(0, round(beat * 60.0 / score.tempo * _RENDER_RATE / _BLOCK))


def _drum_events(part: Part, score: Score) -> Iterator[_Event]:
    """Drums ring until they are hit again."""
    for note in part.notes:
        yield _Event(_block(note.start, score), _START, _DRUM_CHANNEL, note.pitch, note.velocity)


def _note_events(part: Part, score: Score) -> Iterator[_Event]:
    for channel in (_PLAIN, _MUTED, _HARMONIC, _SLIDE):
        yield _Event(0, _WHEEL, channel, 0, _wheel(score.tuning / 100))
    notes = sorted((_reachable(note, part) for note in part.notes), key=lambda note: note.start)
    next_start = _next_starts(notes)
    before = None
    for index, note in enumerate(notes):
        channel = _channel(note)
        start = _block(note.start, score)
        end = note.start + note.length * _LENGTHS.get(note.articulation, 1.0)
        end = min(end, next_start.get(index, end))
        yield _Event(start, _START, channel, note.pitch, min(127, max(1, note.velocity)))
        yield _Event(max(start + 1, _block(end, score)), _END, channel, note.pitch, 0)
        if channel == _SLIDE and before is not None:
            yield from _slide(start, before - note.pitch, score)
        before = note.pitch


def _reachable(note: Note, part: Part) -> Note:
    """The note, octaves lower where the sound font has none so high."""
    above = note.pitch - _HIGHEST.get(part.instrument, 127)
    return note if above <= 0 else dataclasses.replace(note, pitch=note.pitch + above // -12 * 12)


def _next_starts(notes: list[Note]) -> dict[int, float]:
    """Of each note that is struck again on its channel: when. Its end would otherwise stop the later one."""
    latest: dict[tuple[int, int], int] = {}
    starts = {}
    for index, note in enumerate(notes):
        key = (_channel(note), note.pitch)
        if key in latest:
            starts[latest[key]] = note.start
        latest[key] = index
    return starts


def _channel(note: Note) -> int:
    return {"muted": _MUTED, "harmonic": _HARMONIC, "slide": _SLIDE}.get(note.articulation, _PLAIN)


def _slide(start: int, semitones: int, score: Score) -> Iterator[_Event]:
    """The wheel's way from the pitch before to the note's own."""
    reach = min(_BEND_RANGE - 0.5, max(0.5 - _BEND_RANGE, float(semitones)))
    length = max(1, round(_SLIDE_S * _RENDER_RATE / _BLOCK))
    for step in range(0, length + 1, 4):
        yield _Event(start + step, _WHEEL, _SLIDE, 0, _wheel(reach * (1 - step / length) + score.tuning / 100))
    yield _Event(start + length + 1, _WHEEL, _SLIDE, 0, _wheel(score.tuning / 100))


def _wheel(semitones: float) -> int:
    """The pitch wheel's position, -8192 to 8191."""
    return min(8191, max(-8192, round(semitones / _BEND_RANGE * 8192)))
