"""What a station tells of its hops: the events of votes and of columns."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ccmusic_stream.geometry import BINS, HOP_LENGTH, LAG_COLUMNS
from ccmusic_stream.level import Level
from ccmusicd.events import ColumnsEvent, HopEvent, ModelVote
from ccmusicd.jobs import Answer, Job, ModelAnswer
from ccmusicd.onair import Decision


def columns_events(job: Job, answer: Answer, hop_columns: int | None) -> Iterator[ColumnsEvent]:
    """The columns that are new to the world: those of the last hop, also when the whole window was primed."""
    job_columns = len(job.samples) // HOP_LENGTH
    new = min(job_columns, hop_columns or job_columns) if job.reset else job_columns
    offset = 0
    for kind, bins in BINS.items():
        block = answer.columns[offset : offset + bins * job_columns]
        offset += bins * job_columns
        first = job.end // HOP_LENGTH - LAG_COLUMNS[kind] + 1 - new
        data = block[(job_columns - new) * bins :]
        if first < 0:  # columns centred before the station's first sample
            data, first = data[-first * bins :], 0
        yield ColumnsEvent(job.station, kind, bins, first, data)


def hop_event(
    job: Job,
    answer: Answer,
    decision: Decision,
    *,
    seq: int,
    time_us: int,
    level: Level,
    lag_s: float,
    dropped: int,
    trained: bool,
    slugs: tuple[str, ...],
) -> HopEvent:
    """The votes on a job and what was decided by them; the rest is as `HopEvent` describes it."""
    joint = decision.vote
    return HopEvent(
        station=job.station,
        seq=seq,
        end_sample=job.end,
        time_us=time_us,
        state=decision.state,
        trained=trained,
        models={name: _top5(vote, slugs) for name, vote in answer.models.items()},
        ensemble=_named(joint.probabilities, slugs) if joint else {},
        rolling=_named(decision.rolling, slugs),
        genre=decision.genre,
        probability=decision.probability,
        since_us=decision.since_us,
        agreement=joint.agreement if joint else 0.0,
        divergence=joint.divergence if joint else 0.0,
        contenders=tuple(slugs[index] for index in joint.contenders) if joint else (),
        band=decision.band,
        level=level,
        hop_ms=answer.busy_s * 1e3,
        lag_s=lag_s,
        dropped=dropped,
        votes={
            name: _named(vote.probabilities, slugs)
            for name, vote in answer.models.items()
            if vote.probabilities is not None
        },
    )


def _named(values: NDArray[np.float64], slugs: tuple[str, ...]) -> dict[str, float]:
    return {slug: float(value) for slug, value in zip(slugs, values, strict=True)}


def _top5(vote: ModelAnswer, slugs: tuple[str, ...]) -> ModelVote:
    if vote.probabilities is None:
        return ModelVote((), vote.ms, vote.error)
    best = vote.probabilities.argsort()[::-1][:5]
    return ModelVote(tuple((slugs[index], float(vote.probabilities[index])) for index in best), vote.ms)
