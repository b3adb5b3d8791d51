"""What became of each precision that was tried."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import onnx

from inference.manifest import Precision
from inference.session import SessionConfig
from inference.speed import Speed
from training.data.folder import Split
from training.runtime.arrays import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyChange:
    """Accuracy of the file minus that of the float32 model on the same validation images, -1..1.

    `low` and `high` hold it with 95 % certainty (paired bootstrap).
    """

    points: float
    low: float
    high: float

    def describe(self) -> str:
        """Return it in points of 100."""
        low, high = 100 * self.low, 100 * self.high
        return f"{100 * self.points:+z.1f} points (95 % interval {low:+z.1f} to {high:+z.1f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class PrecisionOutcome:
    """One precision.

    Attributes:
        precision: which one.
        how: the way of converting that did best; None where none was tried.
        accuracy: None where it was not measured.
        speed: None where it was not measured.
        size_bytes: of the file.
        left_out: why it is not published; None where it is.
    """

    precision: Precision
    how: str | None = None
    accuracy: AccuracyChange | None = None
    speed: Speed | None = None
    size_bytes: int | None = None
    left_out: str | None = None

    def describe(self) -> str:
        """Return one line for the terminal."""
        if self.left_out is not None:
            return f"{self.precision}: left out: {self.left_out}"
        assert self.accuracy is not None
        assert self.speed is not None
        return (
            f"{self.precision}: published; accuracy {self.accuracy.describe()}, "
            f"{self.speed.describe()}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedFile:
    """A file to publish beside the float32 one.

    Attributes:
        outcome: how it was found good.
        model: the graph, without a manifest; the float32 one where the precision shares its file.
        facts: the manifest's fields that differ from the float32 model's.
        probabilities: what it answers, (N, K) by split.
        session: what it was measured on.
    """

    outcome: PrecisionOutcome
    model: onnx.ModelProto
    facts: Mapping[str, Any]
    probabilities: Mapping[Split, Floats]
    session: SessionConfig
