"""What was measured, kept as lines of JSON, so that sizes can be measured one at a time."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.growth.stages import StageCost


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One run.

    Attributes:
        machine, commit: where and of what it is.
        seconds, cpu_seconds, peak_mb, cache_bytes: of the whole run, from its start to its end.
        stages: in order.
        package_bytes: the published files, by name.
        copies: groups of images that the audit took for one photo; there are none.
        accuracy: on test images, 0..1.
        cached_backbone: whether the exported backbone was in the cache, so that PyTorch is not imported.
    """

    images: int
    classes: int
    machine: str
    commit: str
    seconds: float
    cpu_seconds: float
    peak_mb: float
    cache_bytes: int
    stages: Sequence[StageCost]
    package_bytes: Mapping[str, int]
    copies: int
    accuracy: float
    cached_backbone: bool = False


def add_result(file: Path, result: Result) -> None:
    """Append one run."""
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(asdict(result)) + "\n")


def read_results(file: Path) -> list[Result]:
    """Return the last run of each size, the smallest first."""
    if not file.is_file():
        return []
    found: dict[tuple[int, int], Result] = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        values = json.loads(line)
        stages = tuple(StageCost(**stage) for stage in values.pop("stages"))
        result = Result(**values, stages=stages)
        found[result.images, result.classes] = result
    return [found[size] for size in sorted(found)]
