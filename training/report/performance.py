"""Everything that a page shows of a model's answers, ready to be written into a template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from markupsafe import Markup

from inference.measured import ClassMetrics, SplitMetrics
from training.assessment.calibration import CalibrationEffect
from training.assessment.classification_metrics import confusion_matrix
from training.assessment.confused_classes import ConfusedPair, confused_pairs
from training.assessment.intervals import Interval
from training.assessment.labelled_predictions import LabelledPredictions
from training.assessment.reliability import reliability_bins
from training.assessment.selective_accuracy import OperatingPoint, at_coverage, operating_points
from training.assessment.validation_record import ValidationRecord
from training.report.advice import Advice, Evidence, advise
from training.report.figures.confusion_matrix import (
    MATRIX_CLASSES,
    MatrixCell,
    draw_heatmap,
    matrix_cells,
)
from training.report.figures.coverage_curve import draw_coverage
from training.report.figures.interval_bar import draw_interval_bar
from training.report.figures.reliability_diagram import draw_reliability
from training.report.gallery import Gallery

# Which images the figures are of; the page words it.
EvaluatedOn = Literal["test", "validation", "cross-validated", "given"]

_MOST_PAIRS: Final = 12
_COVERAGES: Final = (0.5, 0.8, 0.9, 0.95, 1.0)
_USEFUL_COVERAGE: Final = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One line of the table of classes. `training_images` is None where they are not known."""

    label: str
    metrics: ClassMetrics
    training_images: int | None
    recall_bar: Markup
    precision_bar: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Performance:
    """How good the answers are.

    Attributes:
        kind: which images these are.
        metrics: on these images.
        largest: the class with the most of them.
        largest_share: its share of them, what always naming it would get right.
        confidence: mean of the answers, 0..1.
        accuracy_bar: the accuracy with its interval, beside `largest_share`.
        advice: what to do next.
        classes: the least found first; classes without an image last.
        matrix: cells by true class, or None where there are too many classes.
        heatmap: what stands in its place then.
        pairs: the most mistaken, and how many more there are.
        reliability, coverage: figures.
        points: what answering only the surest is worth, at several shares.
        surest: the same where about 80 % are answered.
        calibration: what the temperature changed.
        gallery: images worth looking at.
    """

    kind: EvaluatedOn
    metrics: SplitMetrics
    largest: str
    largest_share: float
    confidence: float
    accuracy_bar: Markup
    advice: Sequence[Advice]
    classes: Sequence[ClassRow]
    matrix: Mapping[str, Sequence[MatrixCell]] | None
    heatmap: Markup | None
    pairs: Sequence[ConfusedPair]
    more_pairs: int
    reliability: Markup
    coverage: Markup
    points: Sequence[OperatingPoint]
    surest: OperatingPoint
    calibration: CalibrationEffect
    gallery: Gallery


def assess(
    answers: LabelledPredictions,
    metrics: SplitMetrics,
    calibration: CalibrationEffect,
    gallery: Gallery,
    *,
    kind: EvaluatedOn,
    training_images: Mapping[str, int],
    suspects: int = 0,
    head_only: bool = False,
    history: Sequence[ValidationRecord] = (),
) -> Performance:
    """Draw the figures and gather the advice; the last four are as in `Evidence`."""
    labels = answers.labels
    counts = confusion_matrix(answers.probabilities, answers.targets, len(labels))
    pairs = confused_pairs(counts, labels)
    points = operating_points(answers)
    largest = int(counts.sum(axis=1).argmax())
    largest_share = float(counts[largest].sum() / counts.sum())
    confidence = float(answers.confidence.mean())
    evidence = Evidence(
        kind=kind,
        metrics=metrics,
        largest_share=largest_share,
        confidence=confidence,
        pairs=pairs,
        training_images=training_images,
        suspects=suspects,
        head_only=head_only,
        history=history,
    )
    small = len(labels) <= MATRIX_CLASSES
    return Performance(
        kind=kind,
        metrics=metrics,
        largest=labels[largest],
        largest_share=largest_share,
        confidence=confidence,
        accuracy_bar=_accuracy_bar(metrics, largest_share),
        advice=advise(evidence),
        classes=_class_rows(metrics, training_images),
        matrix=matrix_cells(counts, labels) if small else None,
        heatmap=None if small else draw_heatmap(counts, labels),
        pairs=pairs[:_MOST_PAIRS],
        more_pairs=max(len(pairs) - _MOST_PAIRS, 0),
        reliability=draw_reliability(reliability_bins(answers.probabilities, answers.targets)),
        coverage=draw_coverage(points),
        points=_chosen_points(points),
        surest=at_coverage(points, _USEFUL_COVERAGE),
        calibration=calibration,
        gallery=gallery,
    )


def _chosen_points(points: list[OperatingPoint]) -> list[OperatingPoint]:
    chosen = [at_coverage(points, coverage) for coverage in _COVERAGES]
    return list({point.images: point for point in chosen}.values())


def _accuracy_bar(metrics: SplitMetrics, largest_share: float) -> Markup:
    return draw_interval_bar(
        metrics.accuracy,
        metrics.accuracy_interval,
        mark=largest_share,
        note=f"accuracy {_range(metrics.accuracy, metrics.accuracy_interval)}; always naming the "
        f"largest class {100 * largest_share:.0f} %",
    )


def _class_rows(metrics: SplitMetrics, training_images: Mapping[str, int]) -> list[ClassRow]:
    ordered = sorted(
        metrics.per_class.items(), key=lambda item: (item[1].images == 0, item[1].recall)
    )
    return [
        ClassRow(
            label=label,
            metrics=found,
            training_images=training_images.get(label),
            recall_bar=draw_interval_bar(
                found.recall,
                found.recall_interval,
                note=_range(found.recall, found.recall_interval),
            ),
            precision_bar=draw_interval_bar(
                found.precision,
                found.precision_interval,
                note=_range(found.precision, found.precision_interval),
            ),
        )
        for label, found in ordered
    ]


def _range(share: float, interval: Interval | None) -> str:
    if interval is None:
        return "nothing to count"
    low, high = interval
    return f"{100 * share:.0f} % ({100 * low:.0f} to {100 * high:.0f})"
