"""Which images are shown, and what is said of them."""

import numpy as np
import pytest

from inference.classifier import Classifier
from inference.similar import IndexedImage, SimilarIndex
from tests.builders import LABELS
from tests.training.report.reports import colour_answers, colour_report
from training.assessment.labelled_predictions import LabelledPredictions
from training.report.gallery import Gallery, make_gallery

pytestmark = pytest.mark.training


def gallery(
    classifier: Classifier,
    answers: LabelledPredictions | None = None,
    suspects: tuple[str, ...] = (),
) -> Gallery:
    """Return the gallery of the colour model's answers."""
    answers = answers or colour_answers()
    pixels_of = colour_report(answers).pixels_of
    return make_gallery(answers, classifier, pixels_of, suspects=suspects)


def test_the_twelve_mistakes_are_shown_the_surest_first(classifier: Classifier) -> None:
    shown = gallery(classifier).mistakes
    assert len(shown) == 12
    assert not any(tile.right for tile in shown)
    confidences = [tile.confidence for tile in shown]
    assert confidences == sorted(confidences, reverse=True)


def test_the_least_sure_are_shown_without_the_mistakes_above(classifier: Classifier) -> None:
    found = gallery(classifier)
    assert len(found.unsure) == 12
    assert {tile.tile.path for tile in found.unsure}.isdisjoint(
        tile.tile.path for tile in found.mistakes
    )
    confidences = [tile.confidence for tile in found.unsure]
    assert confidences == sorted(confidences)
    assert max(confidences) <= min(tile.confidence for tile in found.mistakes)


def test_doubted_labels_are_marked(classifier: Classifier) -> None:
    first = gallery(classifier).mistakes[0].tile.path
    marked = [t.tile.path for t in gallery(classifier, suspects=(first,)).mistakes if t.suspect]
    assert marked == [first]


def test_a_map_is_shown_only_for_the_answer_that_it_explains(classifier: Classifier) -> None:
    """The model itself knows the colours: the mistakes, made up for the test, are not its own."""
    found = gallery(classifier)
    assert all(tile.tile.heat is None for tile in found.mistakes)
    assert all(tile.tile.heat is not None for tile in found.unsure)


def test_a_model_without_a_mistake_has_none_to_show(classifier: Classifier) -> None:
    targets = np.arange(3)
    answers = LabelledPredictions(
        labels=LABELS,
        probabilities=np.full((3, 3), 0.1, np.float32) + 0.7 * np.eye(3, dtype=np.float32),
        targets=targets,
        paths=("a", "b", "c"),
    )
    found = gallery(classifier, answers)
    assert found.mistakes == []
    assert len(found.unsure) == 3


def test_the_nearest_training_image_is_named_and_never_the_image_itself(
    classifier: Classifier,
) -> None:
    """The model's embedding is the mean colour; the index holds a red mistake itself too."""
    answers = colour_answers()
    own = next(t.tile.path for t in gallery(classifier).mistakes if t.tile.path.startswith("red/"))
    red, blue = np.array([[0.98, 0.04, 0.04]], np.float32), np.array([[0, 0, 1]], np.float32)
    index = SimilarIndex.build(
        np.concatenate([red, red, blue]),
        [IndexedImage(path=path, label="red") for path in (own, "train/red.png", "train/blue.png")],
    )
    pixels_of = colour_report(answers).pixels_of
    found = make_gallery(answers, classifier, pixels_of, similar=index)
    nearest = {tile.tile.path: tile.nearest for tile in (*found.mistakes, *found.unsure)}
    assert nearest[own] == "train/red.png"
    assert {nearest[p] for p in nearest if p.startswith("blue/")} == {"train/blue.png"}
