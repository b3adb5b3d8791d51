"""Figures and tables at two and at a hundred classes."""

import re

import numpy as np
import pytest
from scipy.special import softmax

from training.assessment.calibration import calibration_effect
from training.assessment.classification_metrics import measure
from training.assessment.labelled_predictions import LabelledPredictions
from training.report.figures.confusion_matrix import MATRIX_CLASSES
from training.report.gallery import Gallery
from training.report.performance import Performance, assess

pytestmark = pytest.mark.training


def judged(num_classes: int, *, num_images: int = 400) -> Performance:
    """Return the judgement of random answers, most of them right."""
    rng = np.random.default_rng(0)
    targets = rng.integers(0, num_classes, num_images)
    logits = rng.normal(0, 1, (num_images, num_classes))
    logits[np.arange(num_images), targets] += 3
    labels = tuple(f"class{i}" for i in range(num_classes))
    answers = LabelledPredictions(
        labels=labels,
        probabilities=softmax(logits, axis=1).astype(np.float32),
        targets=targets,
        paths=tuple(map(str, range(num_images))),
    )
    return assess(
        answers,
        measure(answers.probabilities, targets, labels),
        calibration_effect(logits.astype(np.float32), targets, temperature=1.0),
        Gallery(mistakes=(), unsure=()),
        kind="test",
        training_images=dict.fromkeys(labels, 10),
    )


def test_few_classes_are_shown_as_a_matrix_of_counts() -> None:
    found = judged(2)
    assert found.heatmap is None
    assert found.matrix is not None
    assert sum(cell.count for row in found.matrix.values() for cell in row) == 400


def test_many_classes_are_shown_as_a_map_beside_the_most_confused_pairs() -> None:
    found = judged(100)
    assert found.matrix is None
    assert found.heatmap is not None
    mistakes = [pair.mistakes for pair in found.pairs]
    assert mistakes == sorted(mistakes, reverse=True)
    assert len(found.pairs) == 12
    assert found.more_pairs > 0


def test_the_matrix_gives_way_above_twenty_classes() -> None:
    assert judged(MATRIX_CLASSES).matrix is not None
    assert judged(MATRIX_CLASSES + 1).matrix is None


def test_the_class_that_is_hardest_to_find_comes_first() -> None:
    recalls = [row.metrics.recall for row in judged(5).classes]
    assert recalls == sorted(recalls)


def test_answering_only_the_surest_is_more_accurate() -> None:
    points = judged(5).points
    assert [round(point.coverage, 2) for point in points] == [0.5, 0.8, 0.9, 0.95, 1.0]
    assert points[0].accuracy > points[-1].accuracy
    assert points[0].confidence > points[-1].confidence


@pytest.mark.parametrize("num_images", [1, 3, 2000])
def test_figures_are_drawn_within_their_frame_for_any_number_of_images(num_images: int) -> None:
    found = judged(3, num_images=num_images)
    for figure in (found.reliability, found.coverage):
        places = re.findall(r'points="([^"]+)"', figure)
        assert places
        for x, y in (point.split(",") for line in places for point in line.split()):
            assert 0 <= float(x) <= 340
            assert 0 <= float(y) <= 250
