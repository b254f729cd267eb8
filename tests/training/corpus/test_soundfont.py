from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ccmusicd.capture.music.score import Articulation, Note, Part, Score
from training.corpus import soundfont
from training.corpus.soundfont import RATE, TAIL_S, SoundFontError, sound_font

Sound = npt.NDArray[np.float32]


def score_of(*parts: Part, tuning: float = 0.0) -> Score:
    return Score("test", "test", "Test", 120.0, 4.0, 8.0, "none", parts, tuning=tuning)


def part_of(instrument: str, *notes: Note) -> Part:
    return Part("part", instrument, notes)


def note(start: float, pitch: int, length: float = 1.0, articulation: Articulation = "") -> Note:
    return Note(start, length, pitch, 100, articulation)


def played(instrument: str, *notes: Note, tuning: float = 0.0) -> Sound:
    part = part_of(instrument, *notes)
    return sound_font().part(part, score_of(part, tuning=tuning))


def loudest_hz(sound: Sound, start_s: float, length_s: float = 0.4) -> float:
    piece = sound[round(start_s * RATE) : round((start_s + length_s) * RATE)]
    spectrum = np.abs(np.fft.rfft(piece * np.hanning(len(piece)), 8 * RATE))
    return float(spectrum.argmax()) / 8


def onset_s(sound: Sound) -> float:
    return float(np.argmax(np.abs(sound) > 0.1 * np.abs(sound).max())) / RATE


def test_a_note_sounds_at_its_pitch_and_its_time() -> None:
    sound = played("flute", note(2.0, 81))
    assert sound.dtype == np.float32
    assert len(sound) == round((4.0 + TAIL_S) * RATE)
    assert np.abs(sound[: round(0.99 * RATE)]).max() < 1e-4
    assert loudest_hz(sound, 1.05) == pytest.approx(880, rel=0.01)


def test_timing_finer_than_a_hundredth_of_a_second_is_kept() -> None:
    first, second = (onset_s(played("marimba", note(beat, 60))) for beat in (1.0, 1.0 + 2 * 0.007))
    assert second - first == pytest.approx(0.007, abs=0.0025)


def test_tuning_moves_the_pitch() -> None:
    plain, sharp = (loudest_hz(played("clarinet", note(0.0, 69, 2.0), tuning=cents), 0.3, 0.6) for cents in (0, 50))
    assert 1200 * np.log2(sharp / plain) == pytest.approx(50, abs=8)


def test_a_part_sounds_the_same_whatever_was_played_before() -> None:
    first = played("string_section", note(0.0, 60), note(1.0, 64))
    played("drum_kit", *(note(beat / 4, 49) for beat in range(32)))
    assert np.array_equal(played("string_section", note(0.0, 60), note(1.0, 64)), first)


def test_a_note_that_is_struck_again_rings_its_whole_length() -> None:
    sound = played("church_organ", note(0.0, 60, 2.0), note(1.0, 60, 5.0))
    late = sound[round(2.0 * RATE) : round(2.5 * RATE)]
    early = sound[round(0.3 * RATE) : round(0.45 * RATE)]
    assert late.std() > 0.5 * early.std()


def test_a_note_above_what_the_font_has_sounds_lower() -> None:
    high, low = played("contrabass", note(0.0, 59, 2.0)), played("contrabass", note(0.0, 47, 2.0))
    assert high.std() > 1e-3
    assert np.array_equal(high, low)


def test_kits_ring_though_their_notes_are_short() -> None:
    sound = played("drum_kit", note(0.0, 49, 0.05))
    assert sound[RATE : RATE * 3 // 2].std() > 1e-4


def test_a_slide_comes_from_the_pitch_before() -> None:
    slid = played("violin", note(0.0, 69), note(1.0, 71, 2.0, "slide"))
    plain = played("violin", note(0.0, 69), note(1.0, 71, 2.0))
    assert loudest_hz(slid, 0.9, 0.4) == pytest.approx(loudest_hz(plain, 0.9, 0.4), rel=0.02)
    assert not np.allclose(slid[round(0.5 * RATE) : round(0.6 * RATE)], plain[round(0.5 * RATE) : round(0.6 * RATE)])


def test_an_instrument_that_general_midi_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="vinyl"):
        played("vinyl", note(0.0, 60))


def test_a_missing_sound_font_names_the_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(soundfont, "SOUND_FONTS", (tmp_path / "none.sf2",))
    with pytest.raises(SoundFontError, match=r"none\.sf2.*libfluidsynth3.*fluid-soundfont-gm"):
        sound_font.__wrapped__()
