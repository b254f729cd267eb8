"""What a composer writes and a band plays: a score of parts, each of notes for one instrument.

The demo station plays scores with the project's own synthesis (`performance`); training renders the same scores with
a General MIDI sound font too. What a score says of itself (tempo, metre, instruments, pattern) is the ground truth.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Articulation = Literal["", "muted", "slide", "staccato", "legato", "harmonic"]
"""How a note is played; "muted" is the palm of a guitarist, "slide" comes from the pitch before."""

Family = Literal[
    "piano", "mallet", "organ", "acoustic_guitar", "electric_guitar", "distorted_guitar", "acoustic_bass",
    "electric_bass", "synth_bass", "strings", "choir", "brass", "reed", "pipe", "synth_lead", "synth_pad", "ethnic",
    "drums", "drum_machine", "percussion", "voice", "speech", "noise",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Instrument:
    """`program` is the General MIDI program, 0 to 127; None where General MIDI has nothing like it.

    `drums`: pitches are General MIDI percussion keys (35-81). `synthesised`: General MIDI's sound is wrong for the
    idiom (drum machines, 808s, supersaws, distorted guitars, voices), so the project's own synthesis plays it always.
    """

    family: Family
    program: int | None
    drums: bool = False
    synthesised: bool = False


def _gm(family: Family, program: int) -> Instrument:
    return Instrument(family, program)


def _own(family: Family, program: int | None = None) -> Instrument:
    return Instrument(family, program, synthesised=True)


INSTRUMENTS: Mapping[str, Instrument] = {
    "grand_piano": _gm("piano", 0), "bright_piano": _gm("piano", 1), "honky_tonk": _gm("piano", 3),
    "rhodes": _gm("piano", 4), "dx_piano": _gm("piano", 5), "harpsichord": _gm("piano", 6),
    "clavinet": _gm("piano", 7),
    "celesta": _gm("mallet", 8), "glockenspiel": _gm("mallet", 9), "music_box": _gm("mallet", 10),
    "vibraphone": _gm("mallet", 11), "marimba": _gm("mallet", 12), "xylophone": _gm("mallet", 13),
    "tubular_bells": _gm("mallet", 14), "dulcimer": _gm("mallet", 15), "steel_drum": _gm("mallet", 114),
    "kalimba": _gm("mallet", 108),
    "hammond": _gm("organ", 16), "percussive_organ": _gm("organ", 17), "rock_organ": _gm("organ", 18),
    "church_organ": _gm("organ", 19), "reed_organ": _gm("organ", 20), "accordion": _gm("organ", 21),
    "harmonica": _gm("organ", 22), "bandoneon": _gm("organ", 23),
    "nylon_guitar": _gm("acoustic_guitar", 24), "steel_guitar": _gm("acoustic_guitar", 25),
    "jazz_guitar": _gm("electric_guitar", 26), "clean_guitar": _gm("electric_guitar", 27),
    "muted_guitar": _gm("electric_guitar", 28),
    "overdriven_guitar": _own("distorted_guitar", 29), "distorted_guitar": _own("distorted_guitar", 30),
    "double_bass": _gm("acoustic_bass", 32), "finger_bass": _gm("electric_bass", 33),
    "pick_bass": _gm("electric_bass", 34), "fretless_bass": _gm("electric_bass", 35),
    "slap_bass": _gm("electric_bass", 36),
    "synth_bass": _own("synth_bass", 38), "reese_bass": _own("synth_bass", 39), "bass_808": _own("synth_bass"),
    "acid_bass": _own("synth_bass", 87),
    "violin": _gm("strings", 40), "viola": _gm("strings", 41), "cello": _gm("strings", 42),
    "contrabass": _gm("strings", 43), "tremolo_strings": _gm("strings", 44), "pizzicato": _gm("strings", 45),
    "harp": _gm("strings", 46), "string_section": _gm("strings", 48), "slow_strings": _gm("strings", 49),
    "synth_strings": _gm("synth_pad", 50), "fiddle": _gm("strings", 110),
    "timpani": _gm("percussion", 47),
    "choir": _gm("choir", 52), "oohs": _gm("choir", 53),
    "trumpet": _gm("brass", 56), "trombone": _gm("brass", 57), "tuba": _gm("brass", 58),
    "muted_trumpet": _gm("brass", 59), "french_horn": _gm("brass", 60), "brass_section": _gm("brass", 61),
    "synth_brass": _gm("synth_lead", 62),
    "soprano_sax": _gm("reed", 64), "alto_sax": _gm("reed", 65), "tenor_sax": _gm("reed", 66),
    "baritone_sax": _gm("reed", 67), "oboe": _gm("reed", 68), "bassoon": _gm("reed", 70), "clarinet": _gm("reed", 71),
    "piccolo": _gm("pipe", 72), "flute": _gm("pipe", 73), "recorder": _gm("pipe", 74), "pan_flute": _gm("pipe", 75),
    "shakuhachi": _gm("pipe", 77), "whistle": _gm("pipe", 78), "ocarina": _gm("pipe", 79),
    "square_lead": _own("synth_lead", 80), "saw_lead": _own("synth_lead", 81), "supersaw": _own("synth_lead", 90),
    "pluck": _own("synth_lead", 84), "talkbox": _own("synth_lead", 85),
    "new_age_pad": _gm("synth_pad", 88), "warm_pad": _own("synth_pad", 89), "choir_pad": _gm("synth_pad", 91),
    "bowed_pad": _gm("synth_pad", 92), "metal_pad": _gm("synth_pad", 93), "halo_pad": _gm("synth_pad", 94),
    "sweep_pad": _own("synth_pad", 95), "drone": _own("synth_pad"), "bell_pad": _own("synth_pad", 98),
    "sitar": _gm("ethnic", 104), "banjo": _gm("ethnic", 105), "shamisen": _gm("ethnic", 106),
    "koto": _gm("ethnic", 107), "bagpipe": _gm("ethnic", 109), "shanai": _gm("ethnic", 111),
    "oud": _gm("ethnic", 24), "didgeridoo": _own("ethnic"), "tanpura": _own("ethnic"),
    "drum_kit": Instrument("drums", 0, drums=True), "brush_kit": Instrument("drums", 40, drums=True),
    "power_kit": Instrument("drums", 16, drums=True), "orchestra_kit": Instrument("percussion", 48, drums=True),
    "percussion": Instrument("percussion", 0, drums=True),
    "kit_808": Instrument("drum_machine", 25, drums=True, synthesised=True),
    "kit_909": Instrument("drum_machine", 24, drums=True, synthesised=True),
    "sampled_kit": Instrument("drum_machine", 0, drums=True, synthesised=True),
    "tabla": Instrument("percussion", None, drums=True, synthesised=True),
    "taiko": Instrument("percussion", 116, drums=True, synthesised=True),
    "voice_low": _own("voice", 53), "voice_high": _own("voice", 53), "growl": _own("voice", 53),
    "rap": _own("speech"), "talk": _own("speech"),
    "vinyl": _own("noise"), "rain": _own("noise", 122), "wind": _own("noise", 122), "sea": _own("noise", 122),
    "birds": _own("noise", 123), "riser": _own("noise"), "crowd": _own("noise", 126),
}  # fmt: skip
"""Every instrument that a score may name. `drums` of tabla and taiko use the keys of congas (62-64) and toms (41-50)."""


@dataclass(frozen=True, slots=True)
class Note:
    """`start` and `length` in quarter-note beats from the piece's beginning; the player's own timing is in them.

    `pitch` is a MIDI pitch, or a General MIDI percussion key; instruments of the families noise and speech ignore it
    but for "rap", whose pitch is the height of the voice. `velocity` is 1 to 127. `syllable` is what a voice sings.
    """

    start: float
    length: float
    pitch: int
    velocity: int
    articulation: Articulation = ""
    syllable: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """What one player plays. `gain_db` is relative to the other parts, `pan` -1 (left) to 1, `room` 0 to 1 its reverb."""

    name: str
    instrument: str
    notes: tuple[Note, ...]
    gain_db: float = 0.0
    pan: float = 0.0
    room: float = 0.2


@dataclass(frozen=True, slots=True)
class Score:
    """One piece. `style` is the kind within the genre ("swing_trio"), `pattern` of the drums ("one_drop", "none").

    `beats` is its length in quarter notes, `tempo` in quarter notes a minute, `metre` the quarter notes of a bar.
    `pumping` is how deeply the kick drum ducks the other parts (side-chain), 0 to 1. `tuning` is in cents.
    """

    genre: str
    style: str
    title: str
    tempo: float
    metre: float
    beats: float
    pattern: str
    parts: tuple[Part, ...]
    pumping: float = 0.0
    tuning: float = 0.0
    tags: tuple[str, ...] = field(default=())

    @property
    def seconds(self) -> float:
        """How long the piece lasts, without what rings on after its last bar."""
        return self.beats * 60.0 / self.tempo
