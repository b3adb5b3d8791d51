"""Models side by side, as a page."""

from collections.abc import Sequence
from typing import Final

from training.assessment.comparison import Comparison
from training.data.finding import Finding
from training.pages.templating import render
from training.report.figures.interval_bar import draw_interval_bar

_SHOWN_DISAGREEMENTS: Final = 200


def render_comparison(comparison: Comparison, findings: Sequence[Finding] = ()) -> str:
    """Return the page as HTML; names are escaped. `findings` are those about the folder."""
    bars = [
        draw_interval_bar(
            model.metrics.accuracy,
            model.metrics.accuracy_interval,
            note=f"accuracy of {model.name}",
        )
        for model in comparison.models
    ]
    return render(
        "training.report",
        "comparison.html.j2",
        comparison=comparison,
        findings=findings,
        rows=list(zip(comparison.rows(), bars, strict=True)),
        labels=[
            label for label, found in comparison.models[0].metrics.per_class.items() if found.images
        ],
        shown=comparison.disagreements[:_SHOWN_DISAGREEMENTS],
    )
