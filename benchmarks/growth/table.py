"""The results as Markdown: what each stage takes at each size, and how it grows."""

import math
from collections.abc import Sequence
from typing import Final

from benchmarks.growth.results import Result
from benchmarks.growth.stages import BETWEEN, StageCost

# Stages that are shorter at every size are summed up.
_SHORT_S: Final = 1.0
SHORT: Final = "shorter stages"
_MEGA: Final = 1e6


def table(results: Sequence[Result]) -> str:
    """Return tables of the whole runs and of their stages."""
    return "\n\n".join([_runs(results), _by_stage(results)])


def growth(results: Sequence[Result], costs: Sequence[float]) -> float | None:
    """Return p where the cost grows as images^p between the two largest runs: 1 is linear.

    None where there are no two, or one of them cost nothing.
    """
    if len(results) < 2:
        return None
    (smaller, less), (larger, more) = list(zip(results, costs, strict=True))[-2:]
    if smaller.images == larger.images or min(less, more) <= 0:
        return None
    return math.log(more / less) / math.log(larger.images / smaller.images)


def long_stages(results: Sequence[Result]) -> list[str]:
    """Return the stages that take a second somewhere, in their order in the largest run."""
    names = [stage.stage for stage in results[-1].stages]
    return [
        name for name in names if any(_of(result, name).seconds >= _SHORT_S for result in results)
    ]


def cost_of(result: Result, stage: str, kept: Sequence[str]) -> StageCost:
    """Return what a stage took; of `SHORT` all that is not in `kept`."""
    if stage != SHORT:
        return _of(result, stage)
    rest = [one for one in result.stages if one.stage not in kept]
    return StageCost(
        stage=SHORT,
        seconds=sum(one.seconds for one in rest),
        cpu_seconds=sum(one.cpu_seconds for one in rest),
        peak_mb=max((one.peak_mb for one in rest), default=0.0),
        cache_bytes=sum(one.cache_bytes for one in rest),
    )


def _of(result: Result, name: str) -> StageCost:
    nothing = StageCost(stage=name, seconds=0, cpu_seconds=0, peak_mb=0, cache_bytes=0)
    return next((stage for stage in result.stages if stage.stage == name), nothing)


def _runs(results: Sequence[Result]) -> str:
    lines = [
        "| images | classes | seconds | of all cores, s | peak memory, MB | cache, MB | package, MB "
        "| report, MB | test accuracy | found as copies |",
        "|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    lines += [
        f"| {r.images:,} | {r.classes:,} | {r.seconds:,.0f} | {r.cpu_seconds:,.0f} | {r.peak_mb:,.0f} "
        f"| {r.cache_bytes / _MEGA:,.0f} | {sum(r.package_bytes.values()) / _MEGA:.1f} "
        f"| {r.package_bytes.get('report.html', 0) / _MEGA:.2f} | {100 * r.accuracy:.1f} % | {r.copies} |"
        for r in results
    ]
    return "\n".join(lines)


def _by_stage(results: Sequence[Result]) -> str:
    head = " | ".join(f"{r.images:,}" for r in results)
    kept = long_stages(results)
    lines = [
        f"| seconds of all cores (and MB at the peak) | {head} | grows as images to the power of |",
        "|---|" + "---:|" * (len(results) + 1),
    ]
    for stage in [name for name in kept if name != BETWEEN] + [SHORT, BETWEEN]:
        costs = [cost_of(result, stage, kept) for result in results]
        power = growth(results, [cost.cpu_seconds for cost in costs])
        cells = " | ".join(f"{c.cpu_seconds:,.1f} ({c.peak_mb:,.0f})" for c in costs)
        lines.append(f"| {stage} | {cells} | {_power(power)} |")
    total = " | ".join(f"{r.cpu_seconds:,.1f} ({r.peak_mb:,.0f})" for r in results)
    power = growth(results, [result.cpu_seconds for result in results])
    lines.append(f"| **all** | {total} | {_power(power)} |")
    return "\n".join(lines)


def _power(power: float | None) -> str:
    return "" if power is None else f"{power:.2f}"
