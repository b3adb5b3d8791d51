"""What of a time budget is kept for the end."""

import dataclasses
import time
from pathlib import Path

import pytest

from training.config import FinetuneConfig
from training.data.split import Dataset
from training.probing.features import Features
from training.run.time_budget import Stopwatch

pytestmark = pytest.mark.training


def options(budget_s: float | None) -> FinetuneConfig:
    """Return a run's options."""
    return FinetuneConfig(data=Path("photos"), time_budget=budget_s)


def test_without_a_budget_there_is_no_deadline() -> None:
    assert Stopwatch(started=time.monotonic()).deadline_s(options(None)) is None


def test_the_budget_counts_from_the_start_less_what_follows_training(
    dataset: Dataset, features: Features
) -> None:
    """Ten seconds of export and a second an image: nine validate, nine are tested. 3 % are kept too."""
    watch = Stopwatch(started=time.monotonic() - 100)
    slow = dataclasses.replace(features, export_s=10.0, embedding_s=len(features.embeddings))
    watch.saw(slow)
    reserve_s = watch.reserve_s(dataset)
    assert 10 + 60 + 9 + 9 < reserve_s < 120
    assert watch.after_s(options(1000.0), dataset) == reserve_s
    assert watch.deadline_s(options(1000.0)) == pytest.approx(watch.started + 970)


def test_more_images_and_a_slower_export_keep_more(dataset: Dataset, features: Features) -> None:
    def reserve(*, export_s: float, embedding_s: float) -> float:
        watch = Stopwatch(started=time.monotonic())
        watch.saw(dataclasses.replace(features, export_s=export_s, embedding_s=embedding_s))
        return watch.reserve_s(dataset)

    assert reserve(export_s=10.0, embedding_s=1.0) > reserve(export_s=1.0, embedding_s=1.0)
    assert reserve(export_s=1.0, embedding_s=60.0) > reserve(export_s=1.0, embedding_s=1.0)


def slow_watch(features: Features) -> Stopwatch:
    """Return a stopwatch of a network that takes a second an image, mirrored ones too."""
    watch = Stopwatch(started=time.monotonic())
    watch.saw(dataclasses.replace(features, export_s=0.0, embedding_s=len(features.embeddings)))
    watch.probe_s, watch.flipped_s = 60.0, 50.0
    return watch


def test_a_few_steps_of_the_last_stages_are_the_least_that_training_is_begun_for(
    dataset: Dataset, features: Features
) -> None:
    """One view of 42 images, nine validation images twice, and ten steps of 32; no mirrored images.

    Before that, planning measures some steps of the whole network.
    """
    watch = slow_watch(features)
    planning_s = 13 * 32 * 3
    steps_s = 42 + 9 + 4 * 9 + 10 * 32
    least_s = watch.reserve_s(dataset, flipped=False) + planning_s + steps_s
    assert watch.has_time_to_train(options(None), dataset)
    assert watch.has_time_to_train(options(least_s / 0.97 + 5), dataset)
    assert not watch.has_time_to_train(options(least_s / 0.97 - 5), dataset)


def test_training_is_done_again_where_it_and_what_follows_fit(
    dataset: Dataset, features: Features
) -> None:
    watch = slow_watch(features)
    least_s = 1.15 * 100 + watch.reserve_s(dataset, flipped=False)
    assert watch.has_time_again(100.0, options(None), dataset)
    assert watch.has_time_again(100.0, options(least_s / 0.97 + 5), dataset)
    assert not watch.has_time_again(100.0, options(least_s / 0.97 - 5), dataset)


def test_mirrored_images_are_given_up_where_training_has_no_time_otherwise(
    dataset: Dataset, features: Features
) -> None:
    """Ten steps of the whole network take 16 minutes, and three more to choose among its weights."""
    watch = slow_watch(features)
    full_s, least_s = watch.reserve_s(dataset), watch.reserve_s(dataset, flipped=False)
    assert full_s - least_s == pytest.approx(50 * 1.15)
    enough_s = (full_s + 10 * 32 * 3 + 4 * 4 * 9) / 0.97
    assert watch.after_s(options(enough_s + 5), dataset) == full_s
    assert watch.after_s(options(enough_s - 5), dataset) == least_s


def test_publishing_the_probe_needs_less_than_training(
    dataset: Dataset, features: Features
) -> None:
    watch = Stopwatch(started=time.monotonic())
    watch.saw(dataclasses.replace(features, export_s=9.0, embedding_s=len(features.embeddings)))
    watch.probe_s = 30.0
    assert 9 * 5 + 9 < watch.finish_s(dataset) < watch.reserve_s(dataset)
