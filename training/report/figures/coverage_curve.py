"""Accuracy against the share of images that is answered, the surest first."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from training.assessment.intervals import wilson
from training.assessment.selective_accuracy import OperatingPoint
from training.report.figures.plot import Plot, percent_axis

# Of fewer answers the accuracy jumps with each.
_FEWEST_IMAGES: Final = 10
_MOST_POINTS: Final = 200


def draw_coverage(points: Sequence[OperatingPoint]) -> Markup:
    """Return the curve with its 95 % interval."""
    enough = [p for p in points if p.images >= _FEWEST_IMAGES] or list(points[-1:])
    shown = [*enough[:: len(enough) // _MOST_POINTS + 1], points[-1]]
    bounds = [(p.coverage, *(wilson(p.right, p.images) or (0.0, 1.0))) for p in shown]
    low = min(int(min(lower for _, lower, _ in bounds) * 10), 9) / 10
    plot = Plot(
        x=percent_axis("share of images answered, the surest first"),
        y=percent_axis("of these right", low),
    )
    marks = [
        plot.line([(x, lower) for x, lower, _ in bounds], "bound"),
        plot.line([(x, upper) for x, _, upper in bounds], "bound"),
        plot.line([(p.coverage, p.accuracy) for p in shown], "answer"),
    ]
    return plot.draw(marks, description=_describe(shown[0], points[-1]))


def _describe(first: OperatingPoint, last: OperatingPoint) -> str:
    return (
        f"Accuracy against coverage: {100 * first.accuracy:.0f} % of the surest {first.images} images "
        f"are right, {100 * last.accuracy:.0f} % of all {last.images}"
    )
