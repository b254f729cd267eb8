"""What was found in a recording, and how it is told; free of torch, so that the main process can tell it, too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

from numpy.typing import NDArray

from ccmusic_stream.ensemble import EnsembleVote, band, combine
from ccmusic_stream.labels import Labels

CLIP_S = 10.0

USUAL_RATES = frozenset({22_050, 44_100, 48_000})
LEAST_MP3_KBIT_S = 128
TOO_QUIET_DB = -40.0
"""The article: high bands below this throughout hold too little information."""


class Answered(Protocol):
    """One model's probabilities, shape (classes,), or None and the reason; `ms` is what it took."""

    @property
    def probabilities(self) -> NDArray[Any] | None:
        """Which sum to 1."""

    @property
    def ms(self) -> float:
        """Milliseconds."""

    @property
    def error(self) -> str | None:
        """Why there are none."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What is known of a recording once it is decoded.

    `rate` in hertz, `codec` and `warnings` (how often each) are the decoder's; `size` is the file's in bytes.
    """

    duration_s: float
    rate: int
    codec: str
    size: int
    warnings: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Window:
    """One clip of a file: [start_s, end_s), every model's vote and the joint one (None when no model voted)."""

    start_s: float
    end_s: float
    votes: Mapping[str, Answered]
    joint: EnsembleVote | None

    @classmethod
    def of(
        cls,
        start_s: float,
        end_s: float,
        votes: Mapping[str, Answered],
        weights: Mapping[str, float],
        ensemble_temperature: float,
    ) -> "Window":
        """With the joint vote of those that voted; `weights` and `ensemble_temperature` are the bundle's."""
        heard = {name: vote.probabilities for name, vote in votes.items() if vote.probabilities is not None}
        return cls(start_s, end_s, votes, combine(heard, weights, ensemble_temperature) if heard else None)

    def to_dict(self, labels: Labels) -> dict[str, Any]:
        """Plain values, for JSON."""
        joint = self.joint
        return {
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "models": {name: _vote_dict(vote, labels) for name, vote in self.votes.items()},
            "ensemble": _by_slug(joint.probabilities, labels) if joint else {},
            "agreement": joint.agreement if joint else 0.0,
            "divergence": joint.divergence if joint else 0.0,
            "contenders": [labels.slugs[index] for index in joint.contenders] if joint else [],
            "band": band(float(joint.probabilities.max())) if joint else "unsure",
        }


AdviceCode = Literal["damaged", "short", "rate", "bit_rate", "high_end"]


@dataclass(frozen=True, slots=True)
class Advice:
    """Why the answer may be worth little: for programs, with its number, and in a sentence for people.

    `damaged` counts faults, `short` is in seconds, `rate` in hertz, `bit_rate` in kbit/s, `high_end` in dB.
    """

    code: AdviceCode
    value: float
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"code": self.code, "value": round(self.value, 1), "text": self.text}


@dataclass(frozen=True, slots=True)
class Result:
    """What was found in one file; `pictures` is the folder of its pictures, None when none were wanted."""

    file: str
    duration_s: float
    windows: Sequence[Window]
    advice: Sequence[Advice] = ()
    pictures: Path | None = None

    @property
    def warnings(self) -> list[str]:
        """The advice in sentences."""
        return [each.text for each in self.advice]

    def to_dict(self, labels: Labels, *, trained: bool) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "file": self.file,
            "duration_s": round(self.duration_s, 3),
            "trained": trained,
            "warnings": self.warnings,
            "advice": [each.to_dict() for each in self.advice],
            "windows": [window.to_dict(labels) for window in self.windows],
        } | ({} if self.pictures is None else {"pictures": str(self.pictures)})


def advice_of(decoded: Decoded, high_db: float) -> list[Advice]:
    """What the article warns of; `high_db`: the loudest of the last window's high bands, below the loudest of all."""
    found = [Advice("damaged", count, f"{message} ({count})") for message, count in decoded.warnings.items()]
    if decoded.duration_s < CLIP_S:
        words = f"{decoded.duration_s:.1f} s long: repeated from its start to fill 10 s"
        found.append(Advice("short", decoded.duration_s, words))
    if decoded.rate not in USUAL_RATES:
        found.append(Advice("rate", decoded.rate, f"unusual sample rate of {decoded.rate} Hz"))
    kbit_s = decoded.size * 8 / 1000 / max(decoded.duration_s, 1e-3)
    if decoded.codec.startswith("mp3") and kbit_s < LEAST_MP3_KBIT_S:
        words = f"MP3 of about {kbit_s:.0f} kbit/s: under {LEAST_MP3_KBIT_S} the networks see too little"
        found.append(Advice("bit_rate", kbit_s, words))
    if high_db < TOO_QUIET_DB:
        words = f"the high bands stay below {TOO_QUIET_DB:.0f} dB: too little information, all models are unsure"
        found.append(Advice("high_end", high_db, words))
    return found


def _vote_dict(vote: Answered, labels: Labels) -> dict[str, Any]:
    probabilities = {} if vote.probabilities is None else _by_slug(vote.probabilities, labels)
    top5 = sorted(probabilities.items(), key=lambda item: -item[1])[:5]
    return {
        "probabilities": probabilities,
        "top5": [list(pair) for pair in top5],
        "ms": round(vote.ms, 2),
        "error": vote.error,
    }


def _by_slug(values: NDArray[Any], labels: Labels) -> dict[str, float]:
    return {slug: float(value) for slug, value in zip(labels.slugs, values, strict=True)}
