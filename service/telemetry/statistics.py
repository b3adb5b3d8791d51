"""Counts of requests and batches by version, in the form of the protocol's statistics extension."""

import time
from dataclasses import dataclass, field
from typing import Any

from service.prediction.stages import StageTimes


@dataclass(slots=True)
class _Duration:
    count: int = 0
    ns: int = 0

    def add(self, seconds: float) -> None:
        self.count += 1
        self.ns += round(seconds * 1e9)

    def as_dict(self) -> dict[str, int]:
        return {"count": self.count, "ns": self.ns}


@dataclass(slots=True)
class _Counts:
    last_inference_ms: int = 0
    num_images: int = 0
    success: _Duration = field(default_factory=_Duration)
    fail: _Duration = field(default_factory=_Duration)
    queue: _Duration = field(default_factory=_Duration)
    compute_input: _Duration = field(default_factory=_Duration)
    compute_infer: _Duration = field(default_factory=_Duration)
    batches: dict[int, _Duration] = field(default_factory=dict)


class InferenceStatistics:
    """See the module. One process's own; the table has a row for each version that answered."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int], _Counts] = {}

    def note_batch(self, model: str, version: int, num_images: int, seconds: float) -> None:
        """Record a run of a model."""
        self._of(model, version).batches.setdefault(num_images, _Duration()).add(seconds)

    def note_request(
        self, model: str, version: int, *, images: int, times: StageTimes, seconds: float, ok: bool
    ) -> None:
        """Record a request of so many images, answered or failed within `seconds`."""
        counts = self._of(model, version)
        if not ok:
            counts.fail.add(seconds)
            return
        counts.last_inference_ms = round(time.time() * 1e3)
        counts.num_images += images
        counts.success.add(seconds)
        counts.queue.add(times.seconds.get("queue", 0.0))
        counts.compute_input.add(times.seconds.get("decode", 0.0))
        counts.compute_infer.add(times.seconds.get("infer", 0.0))

    def describe(self, model: str, version: int) -> dict[str, Any]:
        """Return the statistics of one version, zeros where it has not answered."""
        counts = self._counts.get((model, version), _Counts())
        stages = ("success", "fail", "queue", "compute_input", "compute_infer")
        return {
            "name": model,
            "version": str(version),
            "last_inference": counts.last_inference_ms,
            "inference_count": counts.num_images,
            "execution_count": sum(batch.count for batch in counts.batches.values()),
            "inference_stats": {name: getattr(counts, name).as_dict() for name in stages},
            "batch_stats": [
                {"batch_size": size, "compute_infer": counts.batches[size].as_dict()}
                for size in sorted(counts.batches)
            ],
        }

    def _of(self, model: str, version: int) -> _Counts:
        return self._counts.setdefault((model, version), _Counts())
