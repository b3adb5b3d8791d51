"""The stages of a run, from its progress events and what was looked up when each arrived."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

# What has no name in the progress: start and imports, and work between two stages.
BETWEEN: Final = "between the stages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The process as an event of a stage arrived.

    Attributes:
        stage: the stage; None at the run's end.
        begins: whether this is the first event of this stage.
        time_s, cpu_s: since the run began; of the clock, and of all its cores.
        peak_mb: the largest resident set since the last look.
        cache_bytes: what its cache folder held.
    """

    stage: str | None
    begins: bool
    time_s: float
    cpu_s: float
    peak_mb: float
    cache_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageCost:
    """What a stage took: seconds by the clock and of all cores, memory at most, what the cache grew by."""

    stage: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    cache_bytes: int


def costs_of(looks: Sequence[Look]) -> list[StageCost]:
    """Return what each stage took, in the order in which they began, and last what lay between them.

    The time between two looks is the later look's stage's, or nobody's where that only begins there. So
    stages that overlap share their time.
    """
    totals: dict[str, list[float]] = {}
    before = Look(stage=None, begins=True, time_s=0, cpu_s=0, peak_mb=0, cache_bytes=0)
    for look in looks:
        stage = BETWEEN if look.stage is None or look.begins else look.stage
        seconds, cpu_s, peak_mb, cache = totals.get(stage, [0.0, 0.0, 0.0, 0.0])
        totals[stage] = [
            seconds + look.time_s - before.time_s,
            cpu_s + look.cpu_s - before.cpu_s,
            max(peak_mb, look.peak_mb),
            cache + look.cache_bytes - before.cache_bytes,
        ]
        before = look
    ordered = [stage for stage in totals if stage != BETWEEN]
    ordered += [BETWEEN] * (BETWEEN in totals)
    return [
        StageCost(
            stage=stage,
            seconds=round(totals[stage][0], 2),
            cpu_seconds=round(totals[stage][1], 2),
            peak_mb=round(totals[stage][2], 1),
            cache_bytes=int(totals[stage][3]),
        )
        for stage in ordered
    ]
