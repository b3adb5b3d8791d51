"""A new version takes over unless it is worse than the one that answers, on the same test images."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from inference.loading import open_classifier
from inference.measured import SplitMetrics
from inference.repository import Repository
from inference.session import SessionConfig
from tests.builders import make_package
from tests.training.conftest import Command
from tests.training.folders import write_classes
from training.assessment.classification_metrics import measure
from training.assessment.comparison import compare_all
from training.run.default_version import worse_than_recorded
from training.run.side_by_side import SideBySide

pytestmark = pytest.mark.training

OPTIONS = ("--method", "probe", "--name", "colours", "--no-similar")
# Takes every colour for the next one.
WRONG = np.eye(3)[[1, 2, 0]] * 10


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return the three colours with splits of their own: 12 to learn, 6 to choose, 10 to test by."""
    for seed, (split, count) in enumerate((("train", 12), ("val", 6), ("test", 10))):
        write_classes(tmp_path / "photos" / split, count=count, seed=seed)
    return tmp_path / "photos"


def mislead(data: Path) -> None:
    """Exchange the folders of two classes but for the test: what is learned is wrong there."""
    for split in ("train", "val"):
        folder = data / split
        (folder / "red").rename(folder / "other")
        (folder / "green").rename(folder / "red")
        (folder / "other").rename(folder / "green")


def right_of(package: Path, data: Path) -> int:
    """Count what a package has right of the test images, each by its bytes."""
    classifier = open_classifier(package, session=SessionConfig(provider="cpu"))
    files = sorted((data / "test").rglob("*.png"))
    answers = classifier.classify([file.read_bytes() for file in files])
    return sum(a.label == file.parent.name for a, file in zip(answers, files, strict=True))


def default(models_dir: Path) -> int:
    """Return the version that answers where none is asked for."""
    return Repository(models_dir).resolve("colours")


def test_a_worse_version_stays_aside_and_a_good_one_after_it_takes_over(
    command: Command, data: Path, models_dir: Path
) -> None:
    first = command(data, *OPTIONS)
    assert "the default, version" not in first.out
    right = data.parent / "right"
    shutil.copytree(data, right)
    mislead(data)
    second = command(data, *OPTIONS)
    had, has = (right_of(outcome.published, data) for outcome in (first, second))
    assert (had, has) == (30, 10)
    shown = (
        f"the default, version 1: accuracy {100 * had / 30:.1f} % on the same 30 images, "
        f"the new one {100 * has / 30:.1f} %: -66.7 points"
    )
    assert shown in second.out
    assert second.out.index(shown) < second.out.index("version 1 stays the default: the new one is")
    assert f"  python -m inference.set_alias {second.published.parent} stable 2" in second.out
    assert default(models_dir) == 1
    assert Repository(models_dir).aliases("colours") == {"stable": 1}
    kept = json.loads((second.published / "metrics.json").read_text("utf-8"))["default"]
    assert (kept["before"], kept["becomes_default"], kept["stable"]) == (1, False, 1)
    third = command(right, *OPTIONS)
    assert default(models_dir) == int(third.published.name) == 3
    assert Repository(models_dir).aliases("colours") == {"stable": 3}


def test_a_worse_version_takes_over_where_that_is_asked_for(
    command: Command, data: Path, models_dir: Path
) -> None:
    make_package(models_dir)
    Repository(models_dir).set_alias("colours", "stable", 1)
    mislead(data)
    outcome = command(data, *OPTIONS, "--make-default", "always")
    assert "-66.7 points" in outcome.out
    assert (
        "version 2 is the default now, in place of version 1: --make-default always" in outcome.out
    )
    assert default(models_dir) == 2


def test_a_better_version_stays_aside_where_that_is_asked_for_or_another_was_chosen_by_hand(
    command: Command, data: Path, models_dir: Path
) -> None:
    make_package(models_dir, weight=WRONG)
    outcome = command(data, *OPTIONS, "--make-default", "never")
    assert "+100.0 points" in outcome.out
    assert (
        "version 1 stays the default, although the new one is better on the same images: --make-default never"
        in outcome.out
    )
    assert default(models_dir) == 1
    shutil.rmtree(outcome.published)
    outcome = command(data, *OPTIONS)
    assert "the same images: the alias 'stable' was set to it by hand" in outcome.out
    assert default(models_dir) == 1


def test_an_alias_set_by_hand_stays_where_it_was_put_after_runs_have_set_it_and_where_none_can_compare(
    command: Command, data: Path, models_dir: Path
) -> None:
    """A run has set it to version 1, a person then to 2: later runs leave it, unless told `always`."""
    package = make_package(models_dir)
    assert command(data, *OPTIONS, "--make-default", "never").published.name == "2"
    assert Repository(models_dir).aliases("colours") == {"stable": 1}
    Repository(models_dir).set_alias("colours", "stable", 2)
    for _ in range(2):
        assert "the alias 'stable' was set to it by hand" in command(data, *OPTIONS).out
    Repository(models_dir).set_alias("colours", "stable", 1)
    (package / "model.onnx").write_bytes(bytes((package / "model.onnx").stat().st_size))
    outcome = command(data, *OPTIONS)
    assert "version 1 of 'colours' cannot be compared with the new one" in outcome.out
    assert "version 1 stays the default: the alias 'stable' was set to it by hand" in outcome.out
    assert default(models_dir) == 1


def test_a_version_that_lacks_labels_of_the_default_stays_aside(
    command: Command, data: Path, models_dir: Path
) -> None:
    make_package(models_dir)
    for folder in data.glob("*/blue"):
        shutil.rmtree(folder)
    outcome = command(data, *OPTIONS)
    assert "version 1 stays the default: the new one lacks labels of it: 'blue'" in outcome.out
    assert default(models_dir) == 1


def test_a_default_that_is_damaged_stands_in_nobodys_way(
    command: Command, data: Path, models_dir: Path
) -> None:
    package = make_package(models_dir)
    model = package / "model.onnx"
    model.write_bytes(bytes(model.stat().st_size))
    outcome = command(data, *OPTIONS)
    assert "version 1 of 'colours' cannot be compared with the new one" in outcome.out
    assert outcome.published.name == "2"


def test_where_it_has_seen_all_images_the_recorded_figures_are_compared(
    command: Command, data: Path, models_dir: Path
) -> None:
    """Without test images, the new one is measured on images that the other was made from."""
    shutil.rmtree(data / "test")
    first = command(data, *OPTIONS)
    second = command(data, *OPTIONS)
    assert "the default, version 1: accuracy 100.0 % when it was trained (n=18)" in second.out
    assert default(models_dir) == int(second.published.name) == int(first.published.name) + 1


@pytest.mark.parametrize(("before", "now", "worse"), [(9, 9, False), (10, 9, False), (10, 3, True)])
def test_worse_is_more_than_chance(before: int, now: int, *, worse: bool) -> None:
    """One image fewer of ten may be luck."""
    (difference,) = compare_all([np.arange(10) < before, np.arange(10) < now])
    found = SideBySide(images=10, before=before / 10, now=now / 10, difference=difference)
    assert found.worse is worse


def metrics_of(right: int, images: int) -> SplitMetrics:
    """Return the metrics of so many right answers."""
    answers = np.eye(2, dtype=np.float32)[(np.arange(images) >= right).astype(int)]
    return measure(answers, np.zeros(images, dtype=np.int64), ("a", "b"))


@pytest.mark.parametrize(
    ("before", "now", "worse"), [((5, 5), (170, 200), False), ((190, 200), (150, 200), True)]
)
def test_worse_than_what_was_recorded_is_more_than_the_chance_of_both(
    before: tuple[int, int], now: tuple[int, int], *, worse: bool
) -> None:
    """All of five images right is no better than 85 % of two hundred."""
    assert bool(worse_than_recorded(metrics_of(*now), metrics_of(*before))) is worse
