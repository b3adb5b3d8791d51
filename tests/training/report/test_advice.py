"""What a person is told to do next, and that nothing is said without evidence."""

import dataclasses

import numpy as np
import pytest

from inference.measured import SplitMetrics
from training.assessment.classification_metrics import measure
from training.assessment.confused_classes import confused_pairs
from training.assessment.validation_record import ValidationRecord
from training.report.advice import Advice, Evidence, advise

pytestmark = pytest.mark.training

LABELS = ("a", "b", "c")


def metrics_of(counts: list[list[int]]) -> SplitMetrics:
    """Return the metrics of a confusion matrix; every answer is fully sure."""
    targets = [i for i, row in enumerate(counts) for n in row for _ in range(n)]
    guesses = [j for row in counts for j, n in enumerate(row) for _ in range(n)]
    sure = np.eye(len(counts), dtype=np.float32)[guesses]
    return measure(sure, np.array(targets), LABELS[: len(counts)])


def evidence(counts: list[list[int]], **changes: object) -> Evidence:
    """Return evidence that speaks for nothing but what the counts and changes say."""
    metrics = metrics_of(counts)
    plain = Evidence(
        kind="test",
        metrics=metrics,
        largest_share=max(map(sum, counts)) / metrics.images,
        confidence=metrics.accuracy,
        pairs=confused_pairs(np.array(counts), LABELS[: len(counts)]),
        training_images=dict.fromkeys(LABELS[: len(counts)], 100),
        suspects=0,
        head_only=False,
        history=(),
    )
    return dataclasses.replace(plain, **changes)  # type: ignore[arg-type]


def only(found: list[Advice]) -> Advice:
    """Return the only piece."""
    (piece,) = found
    return piece


FINE = [[330, 1, 1], [1, 330, 1], [1, 1, 330]]


def test_a_good_model_on_many_images_needs_no_advice() -> None:
    assert advise(evidence(FINE)) == []


def test_possible_label_errors_are_to_be_looked_at() -> None:
    assert "Check the 7 possible label errors" in only(advise(evidence(FINE, suspects=7))).action


def test_a_weak_class_of_few_images_needs_more() -> None:
    found = advise(
        evidence(
            [[330, 0, 0], [0, 330, 0], [40, 40, 150]],
            training_images={"a": 100, "b": 100, "c": 20},
        )
    )
    assert found[0].action == "Add images of 'c'."
    assert "65 % of its 230 test images were found, against 91 % of all" in found[0].evidence
    assert "it had 20 to train on, a typical class 100" in found[0].evidence


def test_a_weak_class_of_enough_images_is_to_be_looked_through() -> None:
    found = advise(evidence([[330, 0, 0], [0, 330, 0], [40, 40, 150]]))
    assert "Look through the images of 'c'" in found[0].action


def test_a_class_that_is_behind_by_chance_is_not_named() -> None:
    """25 of 30 found may well be 90 %."""
    found = advise(evidence([[270, 15, 15], [15, 270, 15], [3, 2, 25]]))
    assert not any("images of" in piece.action for piece in found)


def test_two_classes_that_are_mixed_up_are_named_in_the_direction_of_the_mistakes() -> None:
    piece = only(advise(evidence([[330, 1, 1], [20, 330, 1], [1, 1, 330]])))
    assert "how 'b' and 'a' differ" in piece.action
    assert "21 of the 25 mistakes" in piece.evidence
    assert "'b' was taken for 'a' 20 times, the other way round once" in piece.evidence


def test_of_two_classes_no_pair_is_named() -> None:
    assert advise(evidence([[330, 20], [20, 330]])) == []


def test_no_better_than_always_naming_the_largest_class() -> None:
    found = advise(evidence([[170, 10, 10], [62, 6, 7], [60, 7, 6]]))
    assert "nothing shows that the model learned" in found[0].action


def test_images_of_one_class_alone_say_nothing_of_what_sets_classes_apart() -> None:
    assert advise(evidence([[1000, 0], [0, 0]])) == []


def test_classes_without_an_image_make_no_chance_smaller() -> None:
    """Of two classes half are found by chance, however many the model knows."""
    found = advise(evidence([[55, 45, 0], [45, 55, 0], [0, 0, 0]]))
    assert "nothing shows that the model learned" in found[0].action


def test_where_one_class_is_nearly_all_the_classes_are_to_be_compared_one_by_one() -> None:
    """Worse than always naming a, and yet b is found."""
    found = advise(evidence([[850, 100], [5, 45]]))
    assert "one by one" in found[0].action


@pytest.mark.parametrize(
    ("confidence", "says"), [(0.99, "too sure of itself"), (0.6, "may be read as careful")]
)
def test_confidence_that_is_not_truth_is_told(confidence: float, says: str) -> None:
    counts = [[270, 15, 15], [15, 270, 15], [15, 15, 270]]
    found = [piece.action for piece in advise(evidence(counts, confidence=confidence))]
    assert any(says in action for action in found)
    assert not any(says in piece.action for piece in advise(evidence(counts)))


def test_few_images_are_told_with_the_number_that_would_do() -> None:
    """At 0.9 a half width of 0.03 takes 0.09 * (1.96 / 0.03)**2 = 385 images."""
    found = advise(evidence([[9, 1, 0], [0, 9, 1], [1, 0, 9]]))
    assert found[-1].action == "Use more test images: about 390."


def test_a_head_alone_is_not_all_that_can_be_trained() -> None:
    counts = [[290, 5, 5], [5, 290, 5], [5, 5, 290]]
    assert "--method finetune" in advise(evidence(counts, head_only=True))[-1].action
    assert advise(evidence(FINE, head_only=True)) == []


def epochs(*losses: tuple[float, float]) -> list[ValidationRecord]:
    """Return a history of training and validation losses."""
    return [
        ValidationRecord(
            epoch=i + 1, train_loss=t, val_loss=v, val_accuracy=0.9, learning_rate=1e-4, seconds=1
        )
        for i, (t, v) in enumerate(losses)
    ]


@pytest.mark.parametrize(
    ("history", "says"),
    [
        (epochs((0.9, 0.8), (0.5, 0.6), (0.3, 0.4)), "Train longer"),
        (epochs((0.9, 0.8), (0.5, 0.6), (0.1, 0.9)), "More epochs will not help"),
    ],
)
def test_the_course_of_training_says_whether_to_go_on(
    history: list[ValidationRecord], says: str
) -> None:
    assert says in only(advise(evidence(FINE, history=history))).action


@pytest.mark.parametrize(
    "history", [epochs((0.9, 0.8)), epochs((0.9, 0.8), (0.5, 0.6), (0.4, 0.61))]
)
def test_a_course_that_says_nothing_is_left_alone(history: list[ValidationRecord]) -> None:
    assert advise(evidence(FINE, history=history)) == []


def test_never_more_than_six_pieces() -> None:
    counts = [[170, 10, 10], [62, 6, 7], [60, 7, 6]]
    found = advise(evidence(counts, suspects=3, confidence=0.99, head_only=True))
    assert len(found) == 6
