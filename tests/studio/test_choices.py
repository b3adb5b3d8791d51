"""What the three choices take and bring, as the page says it."""

from dataclasses import replace
from pathlib import Path

import pytest

from studio.analysis.reader import AnalysisReader, LabelledImages
from studio.projects.corrections import Correction
from studio.training_runs.choices import Choice, ChoiceEstimate, estimate_choices
from tests.studio.projects import looked_at


@pytest.fixture
def images(tmp_path: Path) -> LabelledImages:
    """30 images of which three look like another class."""
    project = looked_at(tmp_path, count=10)
    return LabelledImages(AnalysisReader(project.analysis_dir).indexed(), {})


def estimates(images: LabelledImages) -> dict[Choice, ChoiceEstimate]:
    return {found.choice: found for found in estimate_choices(images)}


def repeated(images: LabelledImages, times: int) -> LabelledImages:
    """Return a folder with more images a class, which took as much longer to look at."""
    analysis = images.analysis
    many = replace(
        analysis, images=analysis.images * times, embedding_s=analysis.embedding_s * times
    )
    return LabelledImages(replace(images.indexed, analysis=many), {})


def test_mistakes_of_a_quick_model_are_what_training_can_take_away(images: LabelledImages) -> None:
    found = estimates(images)
    assert found["minute"].least_accuracy == found["minute"].most_accuracy == pytest.approx(0.9)
    assert found["ten_minutes"].least_accuracy == pytest.approx(0.9)
    assert found["ten_minutes"].most_accuracy == pytest.approx(0.94)


def test_an_answer_that_was_given_is_no_mistake_any_more(images: LabelledImages) -> None:
    wrong = images.analysis.images[0]
    said = Correction(file_name=wrong.path, sha256=wrong.sha256, label="green", note="")
    found = estimates(LabelledImages(images.indexed, {wrong.sha256: said}))
    assert found["minute"].least_accuracy == pytest.approx(28 / 30)


def test_where_labels_could_not_be_checked_nothing_is_promised(images: LabelledImages) -> None:
    sure = replace(images.analysis, confidence=images.analysis.confidence * 0 + 1)
    unchecked = LabelledImages(replace(images.indexed, analysis=sure), {})
    assert estimates(unchecked)["minute"].least_accuracy is None


def test_few_images_take_several_networks(images: LabelledImages) -> None:
    # 30 images in five folds of six; of 60, 42 are trained on and no folds are needed.
    folds, held_out = (estimates(repeated(images, times)) for times in (1, 2))
    long: Choice = "as_long_as_it_helps"
    training = [found[long].seconds - found["minute"].seconds for found in (folds, held_out)]
    assert training[0] > 1.5 * training[1]
    # A budget of ten minutes is not used up by so few images.
    assert folds["ten_minutes"].seconds == folds[long].seconds < 600
