"""What of a time budget is kept for the stages to come."""

import dataclasses
import math
from pathlib import Path

import pytest

from training.config import FinetuneConfig
from training.data.split import Dataset
from training.planning.budget_shares import StageCosts
from training.probing.features import Features
from training.runtime.time_budget import TimeBudget

pytestmark = pytest.mark.training

CONFIG = FinetuneConfig(data=Path("photos"))


def costs_of(
    features: Features,
    *,
    export_s: float,
    embedding_s: float | None = None,
    budget_s: float = math.inf,
) -> StageCosts:
    """Return the costs of a network that takes a second for an image, or this long for all."""
    costs = StageCosts(budget=TimeBudget.starting_now(budget_s))
    seconds = len(features.embeddings) if embedding_s is None else embedding_s
    exported = dataclasses.replace(features.exported, export_s=export_s)
    costs.saw(dataclasses.replace(features, exported=exported, embedding_s=seconds))
    return costs


def slow(features: Features, budget_s: float = math.inf) -> StageCosts:
    """Return the costs of a network that takes a second for an image, flipped ones too."""
    costs = costs_of(features, export_s=0.0, budget_s=budget_s)
    costs.probe_s, costs.flipped_s = 60.0, 50.0
    return costs


def test_export_and_features_come_again_after_training(
    dataset: Dataset, features: Features
) -> None:
    """Ten seconds of export and a second for an image: nine validate, nine are tested."""
    costs = costs_of(features, export_s=10.0, budget_s=1000.0)
    reserve_s = costs.reserve_s(dataset)
    assert 10 + 60 + 9 + 9 < reserve_s < 120
    assert costs.after_s(CONFIG, dataset) == reserve_s


def test_more_images_and_a_slower_export_keep_more(dataset: Dataset, features: Features) -> None:
    def reserve(*, export_s: float, embedding_s: float) -> float:
        return costs_of(features, export_s=export_s, embedding_s=embedding_s).reserve_s(dataset)

    assert reserve(export_s=10.0, embedding_s=1.0) > reserve(export_s=1.0, embedding_s=1.0)
    assert reserve(export_s=1.0, embedding_s=60.0) > reserve(export_s=1.0, embedding_s=1.0)


def test_a_few_steps_of_the_last_stages_are_the_least_that_training_is_begun_for(
    dataset: Dataset, features: Features
) -> None:
    """One view of 42 images, nine validation images twice, and ten steps of 32; no flipped images.

    Before that, planning measures some steps of the whole network.
    """
    planning_s = 13 * 32 * 3
    steps_s = 42 + 9 + 4 * 9 + 10 * 32
    least_s = slow(features).reserve_s(dataset, flipped=False) + planning_s + steps_s
    assert slow(features).has_time_to_train(CONFIG, dataset)
    assert slow(features, least_s / 0.97 + 5).has_time_to_train(CONFIG, dataset)
    assert not slow(features, least_s / 0.97 - 5).has_time_to_train(CONFIG, dataset)


def test_training_is_done_again_where_it_and_what_follows_fit(
    dataset: Dataset, features: Features
) -> None:
    least_s = 1.15 * 100 + slow(features).reserve_s(dataset, flipped=False)
    assert slow(features).has_time_again(100.0, CONFIG, dataset)
    assert slow(features, least_s / 0.97 + 5).has_time_again(100.0, CONFIG, dataset)
    assert not slow(features, least_s / 0.97 - 5).has_time_again(100.0, CONFIG, dataset)


def test_flipped_images_are_given_up_where_training_has_no_time_otherwise(
    dataset: Dataset, features: Features
) -> None:
    """Ten steps of the whole network take 16 minutes, and three more to choose among its weights."""
    costs = slow(features)
    full_s, least_s = costs.reserve_s(dataset), costs.reserve_s(dataset, flipped=False)
    assert full_s - least_s == pytest.approx(50 * 1.15)
    enough_s = (full_s + 10 * 32 * 3 + 4 * 4 * 9) / 0.97
    assert slow(features, enough_s + 5).after_s(CONFIG, dataset) == full_s
    assert slow(features, enough_s - 5).after_s(CONFIG, dataset) == least_s


def test_publishing_the_probe_needs_less_than_training(
    dataset: Dataset, features: Features
) -> None:
    costs = costs_of(features, export_s=9.0)
    costs.probe_s = 30.0
    assert 9 * 5 + 9 < costs.finish_s(dataset) < costs.reserve_s(dataset)


def test_flipped_images_that_a_short_run_has_are_kept_for_by_a_longer_one(
    dataset: Dataset, features: Features
) -> None:
    """There is time for ten steps or for flipped images: it is for these."""
    costs = slow(features)
    without_s = costs.reserve_s(dataset, flipped=False)
    between_s = costs._few_tail_steps_s(CONFIG, dataset) + 13 * costs._step_s(CONFIG) + without_s
    costs = slow(features, budget_s=(between_s + 20) / 0.97)
    assert costs.has_time_to_train(CONFIG, dataset)
    costs.keeps_flips = True
    assert not costs.has_time_to_train(CONFIG, dataset)
    assert costs.after_s(CONFIG, dataset) == costs.reserve_s(dataset, flipped=True)
