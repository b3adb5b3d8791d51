"""Confidence against truth: on the diagonal, the model means what it says."""

from collections.abc import Sequence

from markupsafe import Markup

from training.assessment.intervals import wilson
from training.assessment.reliability import ReliabilityBin
from training.report.figures.plot import Plot, percent_axis


def draw_reliability(bins: Sequence[ReliabilityBin]) -> Markup:
    """Return one dot for each bin, with the 95 % interval of its accuracy."""
    low = _floor_to_tenth(min(min(b.confidence, b.accuracy) for b in bins))
    plot = Plot(
        x=percent_axis("how sure the model says it is", low),
        y=percent_axis("how often it is right", low),
    )
    marks = [plot.line([(low, low), (1, 1)], "ideal")]
    for found in bins:
        interval = wilson(found.right, found.images)
        assert interval is not None
        x = found.confidence
        marks.append(plot.line([(x, interval[0]), (x, interval[1])], "spread"))
    marks += [plot.dot((b.confidence, b.accuracy), "answer", note=_describe(b)) for b in bins]
    return plot.draw(marks, description="Reliability. " + "; ".join(map(_describe, bins)))


def _floor_to_tenth(value: float) -> float:
    return min(int(value * 10), 9) / 10


def _describe(found: ReliabilityBin) -> str:
    return (
        f"{found.images} images at about {100 * found.confidence:.0f} % sure: "
        f"{100 * found.accuracy:.0f} % right"
    )
