"""`--fit auto` sees what lies at the ends of panoramas, and leaves folders of squares alone."""

from pathlib import Path

import pytest
from PIL import Image

from inference import open_classifier
from tests.training.conftest import Command
from tests.training.folders import noisy

pytestmark = pytest.mark.training

COLOURS = {"red": (220, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 220)}
LENGTH_PX, WIDTH_PX = 132, 44


@pytest.fixture(scope="module")
def panoramas(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of lying and standing strips, grey but for a patch of colour at one of the ends."""
    root = tmp_path_factory.mktemp("data") / "panoramas"
    for label, colour in COLOURS.items():
        (root / label).mkdir(parents=True)
        for number in range(20):
            strip = noisy((128, 128, 128), number, size_wh=(LENGTH_PX, WIDTH_PX))
            patch = noisy(colour, number, size_wh=(WIDTH_PX, WIDTH_PX))
            strip.paste(patch, ((number % 2) * (LENGTH_PX - WIDTH_PX), 0))
            if number % 4 > 1:
                strip = strip.transpose(Image.Transpose.ROTATE_90)
            strip.save(root / label / f"{number}.png")
    return root


def test_what_lies_at_the_ends_of_panoramas_is_seen_in_training_and_served(
    command: Command, panoramas: Path
) -> None:
    outcome = command(panoramas, "--fit", "auto", "--method", "probe")
    model = open_classifier(outcome.published)
    fit = model.manifest.preprocessing.fit
    assert fit in ("pad", "squash")
    assert model.manifest.training.config["fit"] == "auto"
    assert f"fit: {fit}, by 51 images, cross-validated: crop " in outcome.out
    assert f"fit: {fit}, by" in (outcome.published / "report.html").read_text(encoding="utf-8")
    assert model.manifest.metrics.test is not None
    assert model.manifest.metrics.test.accuracy > 0.8
    for label in COLOURS:
        assert model.classify(panoramas / label / "1.png").label == label


def test_the_photos_of_a_folder_of_squares_are_not_compared(
    command: Command, colours: Path
) -> None:
    outcome = command(colours, "--fit", "auto", "--dry-run")
    assert "fit: crop, for 0% of the images are wider or taller than 5:4" in outcome.out


def test_comparing_is_left_out_where_it_would_take_too_much_of_the_time(
    command: Command, panoramas: Path
) -> None:
    outcome = command(panoramas, "--fit", "auto", "--time-budget", "0.1s", "--dry-run")
    assert "fit: crop, for trying others would take some " in outcome.out


def test_a_fit_that_was_named_is_what_the_model_gets(command: Command, panoramas: Path) -> None:
    outcome = command(panoramas, "--fit", "squash", "--method", "probe", "--name", "named")
    model = open_classifier(outcome.published)
    assert model.manifest.preprocessing.fit == "squash"
    assert model.classify(panoramas / "red" / "1.png").label == "red"
