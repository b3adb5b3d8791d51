"""Prediction sets: which labels are in, and how they are told."""

from pathlib import Path

import numpy as np
import pytest

from inference.classifier import BatchOutputs
from inference.conformal import label_sets
from inference.loading import open_classifier
from inference.manifest import Conformal
from inference.session import SessionConfig
from tests.builders import make_package

CPU = SessionConfig(provider="cpu")


def rule(threshold: float) -> Conformal:
    return Conformal(method="lac", coverage=0.9, threshold=threshold, images=50)


def sets_of(probabilities: list[float], threshold: float) -> list[bool]:
    row = np.array([probabilities], np.float32)
    inside: list[bool] = label_sets(row, rule(threshold))[0].tolist()
    return inside


def test_labels_at_or_above_the_threshold_are_in() -> None:
    assert sets_of([0.5, 0.25, 0.125, 0.125], 0.25) == [True, True, False, False]


def test_the_best_label_is_in_although_it_is_below_the_threshold() -> None:
    assert sets_of([0.3, 0.4, 0.3], 0.6) == [False, True, False]


def test_a_threshold_of_zero_leaves_no_label_out() -> None:
    assert all(sets_of([1.0, 0.0, 0.0], 0.0))


@pytest.mark.parametrize(
    ("field", "value"),
    [("coverage", 0.0), ("coverage", 1.0), ("threshold", -0.1), ("threshold", 2)],
)
def test_a_rule_out_of_range_is_refused(field: str, value: float) -> None:
    values = {"coverage": 0.9, "threshold": 0.5, field: value}
    with pytest.raises(ValueError, match=field):
        Conformal(method="lac", images=50, **values)


def test_a_set_is_ranked_and_does_not_depend_on_top_k(tmp_path: Path) -> None:
    classifier = open_classifier(make_package(tmp_path, conformal=rule(0.3)), session=CPU)
    shares = np.array([[0.3, 0.1, 0.6], [0.0, 1.0, 0.0]], np.float32)
    outputs = BatchOutputs(logits=shares, probabilities=shares, embedding=shares)
    both, one = classifier.interpret(outputs, top_k=1)
    assert both.label_set is not None
    assert [entry.label for entry in both.label_set] == ["blue", "red"]
    assert [entry.probability for entry in both.label_set] == pytest.approx([0.6, 0.3])
    assert len(both.top) == 1
    assert one.label_set is not None
    assert [entry.label for entry in one.label_set] == ["green"]


def test_a_model_without_a_rule_has_no_sets(tmp_path: Path) -> None:
    classifier = open_classifier(make_package(tmp_path), session=CPU)
    shares = np.array([[0.3, 0.1, 0.6]], np.float32)
    outputs = BatchOutputs(logits=shares, probabilities=shares, embedding=shares)
    assert classifier.interpret(outputs)[0].label_set is None
