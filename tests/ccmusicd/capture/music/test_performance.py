"""The band: every instrument sounds, in tune and as its own kind; pieces are mixed at a station's level."""

import time

import numpy as np
import pytest

from ccmusicd.capture.music import performance
from ccmusicd.capture.music.players import MAKERS
from ccmusicd.capture.music.score import INSTRUMENTS, Note, Part, Score
from ccmusicd.capture.music.synth import SAMPLE_RATE, Sound, hz

from .conftest import Written

BASSES = ("synth_bass", "acoustic_bass", "electric_bass")
TONAL = (
    "grand_piano", "rhodes", "vibraphone", "hammond", "nylon_guitar", "clean_guitar", "double_bass", "finger_bass",
    "synth_bass", "saw_lead", "square_lead", "supersaw", "warm_pad", "violin", "string_section", "trumpet", "alto_sax",
    "flute", "accordion", "sitar", "distorted_guitar", "voice_low", "voice_high", "choir",
)  # fmt: skip


def sound_of(score: Score, seed: int = 1) -> Sound:
    return performance.part_sound(score.parts[0], score, np.random.default_rng(seed))


def sample_notes(name: str) -> list[Note]:
    instrument = INSTRUMENTS[name]
    if instrument.drums:
        return [Note(beat * 0.5, 0.25, key, 100) for beat, key in enumerate((36, 42, 38, 46, 45, 63, 62, 64, 49, 39))]
    if instrument.family == "noise":
        return [Note(0.0, 8.0, 60, 100)]
    base = 36 if instrument.family in BASSES else 60
    return [Note(float(beat), 0.9, base + 2 * beat, 80 + beat, syllable="la") for beat in range(6)]


def db(sound: Sound) -> float:
    return float(10.0 * np.log10(np.mean(sound.astype(np.float64) ** 2) + 1e-20))


def share(sound: Sound, low_hz: float, high_hz: float) -> float:
    power = np.abs(np.fft.rfft(sound)) ** 2
    frequency = np.fft.rfftfreq(len(sound), 1.0 / SAMPLE_RATE)
    return float(power[(frequency >= low_hz) & (frequency < high_hz)].sum() / power.sum())


def pitch_of(sound: Sound, around_hz: float) -> float:
    """The period (autocorrelation) within three semitones of a frequency, as a frequency."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 18)) ** 2
    correlation = np.fft.irfft(spectrum)
    low, high = (int(SAMPLE_RATE / (around_hz * 2.0 ** (shift / 12.0))) for shift in (3.0, -3.0))
    lag = low + int(np.argmax(correlation[low : high + 1]))
    left, here, right = correlation[lag - 1 : lag + 2]
    return float(SAMPLE_RATE / (lag + 0.5 * (left - right) / (left - 2.0 * here + right)))


def test_the_band_has_every_instrument_but_the_speakers() -> None:
    assert set(INSTRUMENTS) - set(MAKERS) == {"rap", "talk"}


@pytest.mark.parametrize("name", sorted(MAKERS))
def test_every_instrument_sounds(written: Written, name: str) -> None:
    score = written(name, sample_notes(name))
    sound = sound_of(score)
    assert sound.dtype == np.float32
    assert len(sound) == round((score.seconds + performance.TAIL_S) * SAMPLE_RATE)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() == pytest.approx(performance.PEAK, abs=1e-3)
    assert db(sound[: 2 * SAMPLE_RATE]) > -42.0
    assert abs(float(sound.mean())) < 0.01
    assert np.abs(sound[-50:]).max() < 0.05


@pytest.mark.parametrize("name", TONAL)
def test_instruments_are_in_tune(written: Written, name: str) -> None:
    pitch = 43 if INSTRUMENTS[name].family in BASSES else 57
    sound = sound_of(written(name, [Note(0.0, 3.0, pitch, 100, syllable="a")]))[3000:25_000]
    assert abs(1200.0 * np.log2(pitch_of(sound, hz(pitch)) / hz(pitch))) < 25.0  # cents


@pytest.mark.parametrize("name", sorted(set(MAKERS) - {"celesta"}))
def test_players_of_the_same_instrument_differ_and_the_same_player_does_not(written: Written, name: str) -> None:
    score = written(name, sample_notes(name))
    one, again, other = sound_of(score, 1), sound_of(score, 1), sound_of(score, 2)
    assert np.array_equal(one, again)
    assert not np.allclose(one, other, atol=1e-3)


def test_speed_is_well_above_real_time(written: Written) -> None:
    score = written(
        "voice_low", [Note(float(beat), 0.95, 50 + beat % 7, 90, syllable="so") for beat in range(40)], beats=40
    )
    before = time.process_time()
    sound_of(score)
    assert time.process_time() - before < score.seconds / 15.0


def test_a_power_chord_goes_through_one_amplifier(written: Written) -> None:
    """Two notes a fifth apart make difference tones in one amplifier; each through its own, they would not."""
    root, fifth = Note(0.0, 3.0, 45, 110), Note(0.0, 3.0, 52, 110)
    together, alone, other = (
        sound_of(written("distorted_guitar", notes))[3000:25_000] for notes in ([root, fifth], [root], [fifth])
    )
    octave_below = hz(45) / 2.0  # the difference of a fifth
    band = (3.0 * octave_below - 6.0, 3.0 * octave_below + 6.0)
    between = (5.0 * octave_below - 6.0, 5.0 * octave_below + 6.0)  # a partial of neither note
    assert share(together, *between) > 5.0 * max(share(alone, *between), share(other, *between))
    assert share(other, *band) > share(alone, *band)


def test_a_muted_chug_is_short(written: Written) -> None:
    ringing, muted = (
        sound_of(written("distorted_guitar", [Note(0.0, 2.0, 40, 110, articulation)])) for articulation in ("", "muted")
    )
    later = slice(round(0.5 * SAMPLE_RATE), round(0.9 * SAMPLE_RATE))
    assert db(ringing[later]) > db(muted[later]) + 25.0


def test_an_808_slides(written: Written) -> None:
    notes = [Note(0.0, 2.0, 36, 100), Note(2.0, 2.0, 43, 100, "slide")]
    sound = sound_of(written("bass_808", notes))
    early, late = sound[SAMPLE_RATE : SAMPLE_RATE + 1000], sound[SAMPLE_RATE + 9000 : SAMPLE_RATE + 14_000]
    crossings = [int((np.diff(np.signbit(part)) != 0).sum()) / len(part) for part in (early, late)]
    assert crossings[0] < crossings[1]
    assert pitch_of(late, hz(43)) == pytest.approx(hz(43), rel=0.02)


@pytest.mark.parametrize("kit", ["kit_808", "kit_909", "sampled_kit", "drum_kit", "power_kit"])
def test_kicks_are_low_and_hats_are_high(written: Written, kit: str) -> None:
    kick, hat = (sound_of(written(kit, [Note(0.0, 0.25, key, 110)])) for key in (36, 42))
    assert share(kick, 20.0, 250.0) > 0.7
    assert share(hat, 3000.0, 11_025.0) > 0.7


def test_vowels_are_told_by_their_formants(written: Written) -> None:
    """The second formant of "i" lies above 1,800 Hz, that of "u" below 1,000 Hz, whoever sings."""
    for seed in range(4):
        bright, dark = (
            sound_of(written("voice_low", [Note(0.0, 3.0, 48, 100, syllable=vowel)]), seed) for vowel in ("i", "u")
        )
        slope = [share(sound, 1800.0, 3000.0) / share(sound, 400.0, 1000.0) for sound in (bright, dark)]
        assert slope[0] > 10.0 * slope[1]


def test_a_voice_hisses_its_consonants(written: Written) -> None:
    hissed, open_ = (
        sound_of(written("voice_high", [Note(0.0, 2.0, 62, 100, syllable=syllable)]))[: round(0.08 * SAMPLE_RATE)]
        for syllable in ("sa", "a")
    )
    assert share(hissed, 4500.0, 10_000.0) > 4.0 * share(open_, 4500.0, 10_000.0)


def piece(written: Written) -> Score:
    beats = 32
    chords = [Note(beat, 3.9, pitch, 90) for beat in range(0, beats, 4) for pitch in (57, 60, 64)]
    kicks = Part("kick", "kit_909", tuple(Note(float(beat), 0.25, 36, 110) for beat in range(beats)))
    bass = Part("bass", "synth_bass", tuple(Note(beat + 0.5, 0.4, 33, 100) for beat in range(beats)), -2.0)
    return written("warm_pad", chords, kicks, bass, beats=beats)


def test_a_piece_is_mixed_at_a_stations_level(written: Written) -> None:
    score = piece(written)
    bars = list(performance.play(score, np.random.default_rng(4)))
    sound = np.concatenate(bars)
    assert len(sound) == performance.length_of(score)
    assert len(bars) == 9
    assert -19.0 <= db(sound) <= -13.0
    assert np.abs(sound).max() < 10 ** (-1 / 20)
    assert np.abs(sound[-5:]).max() < 1e-3


def test_the_kick_ducks_the_others_and_only_while_it_sounds() -> None:
    """The kick is too soft to be heard here; what is left is the lead's own level round it."""
    kicks = Part("kick", "kit_909", tuple(Note(float(beat), 0.25, 36, 110) for beat in range(32)), -80.0, room=0.0)
    lead = Part("lead", "square_lead", (Note(0.0, 32.0, 60, 100),), room=0.0)

    def dip_db(pumping: float) -> float:
        score = Score("test", "test", "Test", 120.0, 4.0, 32.0, "none", (kicks, lead), pumping)
        sound = np.concatenate(list(performance.play(score, np.random.default_rng(4))))
        beats = sound[8 * 11_025 : 24 * 11_025].reshape(16, 11_025)
        return db(beats[:, -1500:]) - db(beats[:, :1500])

    assert abs(dip_db(0.0)) < 1.5
    assert dip_db(0.5) == pytest.approx(6.0, abs=2.0)
    assert dip_db(0.9) > 12.0


def test_gains_are_in_the_mix_and_not_in_the_part() -> None:
    def score(gain_db: float) -> Score:
        lead = Part("lead", "saw_lead", (Note(0.0, 6.0, 60, 100),), gain_db)
        flute = Part("flute", "flute", (Note(0.0, 6.0, 72, 90),))
        return Score("test", "test", "Test", 120.0, 4.0, 8.0, "none", (lead, flute))

    assert np.array_equal(sound_of(score(0.0)), sound_of(score(-30.0)))
    loud, soft = (
        share(np.concatenate(list(performance.play(score(gain), np.random.default_rng(1)))), 200.0, 300.0)
        for gain in (0.0, -30.0)
    )
    assert loud > 10.0 * soft


def test_the_longest_rest_is_found_wherever_it_is(written: Written) -> None:
    note = Note(0.0, 2.0, 60, 100)
    assert performance.longest_rest_s(written("flute", [note], beats=4.0)) == pytest.approx(1.0)
    late = written("flute", [Note(3.0, 5.0, 60, 100), Note(4.0, 1.0, 64, 100)])
    assert performance.longest_rest_s(late) == pytest.approx(1.5)
    held = [note, Note(2.0, 6.0, 60, 100)]
    assert performance.longest_rest_s(written("flute", held)) == 0.0
    assert performance.longest_rest_s(written("koto", held)) > 1.0  # a plucked string has died away long before


def test_a_soft_beginning_is_not_blown_up(written: Written) -> None:
    notes = [Note(3.8, 0.2, 60, 30), *(Note(4.0 + beat, 0.95, 64, 110) for beat in range(12))]
    bars = list(performance.play(written("saw_lead", notes, beats=16.0), np.random.default_rng(2)))
    assert db(bars[0]) < db(bars[1]) < -10.0


def test_who_is_missing_is_said(written: Written) -> None:
    score = written("rap", [Note(0.0, 1.0, 50, 100)])
    assert not performance.playable(score)
    with pytest.raises(KeyError, match="rap"):
        sound_of(score)
