import numpy as np
import pytest

from ccmusicd.capture.music.score import Note, Part, Score
from training.corpus import speaking
from training.corpus.soundfont import RATE, TAIL_S
from training.corpus.speaking import SpeakerError, spoken_part, squeezed
from training.corpus.speech_text import LANGUAGES, sentences


def score_of(part: Part) -> Score:
    return Score("test", "test", "Test", 120.0, 4.0, 24.0, "none", (part,))


def spoken(part: Part, seed: int = 0) -> speaking.Sound:
    return spoken_part(part, score_of(part), np.random.default_rng(seed))


def level(sound: speaking.Sound, start_s: float, end_s: float) -> float:
    return float(sound[round(start_s * RATE) : round(end_s * RATE)].std())


def test_talk_fills_its_notes_and_nothing_else() -> None:
    sound = spoken(Part("guest", "talk", (Note(0, 8, 60, 100), Note(16, 6, 60, 100))))
    assert len(sound) == round((12 + TAIL_S) * RATE)
    assert level(sound, 0, 4) > 0.01
    assert level(sound, 8, 11) > 0.01
    assert level(sound, 4.01, 7.99) == 0
    assert level(sound, 11.01, 14) == 0


def test_the_same_seed_says_the_same_and_another_does_not() -> None:
    part = Part("guest", "talk", (Note(0, 12, 60, 100),))
    assert np.array_equal(spoken(part, 1), spoken(part, 1))
    assert not np.array_equal(spoken(part, 1), spoken(part, 2))


def test_rap_has_a_word_at_each_note() -> None:
    beats = (0.0, 2.0, 4.0, 6.0)
    words = ("street", "light", "money", "clock")
    notes = tuple(Note(beat, 0.8, 50, 100, syllable=word) for beat, word in zip(beats, words, strict=True))
    sound = spoken(Part("mc", "rap", notes))
    for beat in beats:
        assert level(sound, beat / 2, beat / 2 + 0.4) > 0.005
        assert level(sound, beat / 2 + 0.45, beat / 2 + 0.99) == 0


def test_no_notes_are_silence() -> None:
    assert not spoken(Part("guest", "talk", ())).any()


@pytest.mark.parametrize("length", [6000, 9000, 16_000])
def test_squeezing_keeps_the_pitch_and_the_level(length: int) -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(12_000) / RATE).astype(np.float32)
    short = squeezed(tone, length)
    assert len(short) == length
    middle = short[1000 : length - 1000]
    assert middle.std() == pytest.approx(tone.std(), rel=0.05)
    hz = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), RATE)).argmax()
    assert hz == pytest.approx(200, abs=4)


@pytest.mark.parametrize("name", LANGUAGES)
def test_every_template_of_a_language_finds_its_words(name: str) -> None:
    said = sentences(LANGUAGES[name], np.random.default_rng(0), 60)
    assert len(set(said)) > 20
    assert not any("{" in sentence for sentence in said)


@pytest.mark.parametrize("voice", sorted({voice for language in LANGUAGES.values() for voice in language.voices}))
def test_espeak_has_every_voice(voice: str) -> None:
    assert len(speaking._espeak("1 2 3", f"{voice}+f2", 180, 50)) > RATE // 4


def test_without_espeak_the_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SpeakerError, match="Debian package espeak-ng"):
        spoken(Part("guest", "talk", (Note(0, 8, 60, 100),)))
