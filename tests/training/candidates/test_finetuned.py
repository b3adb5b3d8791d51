"""What is made of one trained network, and of several that were trained beside a fold each."""

import copy
import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
import torch

from tests.training.conftest import quiet
from tests.training.step_images import images_of
from training.backbones.build import Backbone
from training.candidates.candidate import Candidate
from training.candidates.finetuned import TrainedNetwork, make_finetuned
from training.candidates.probe_candidate import search_probe
from training.config import FinetuneConfig
from training.data.split import Dataset
from training.finetuning.task import TrainingTask, choose_hyperparameters
from training.finetuning.validation import ValidationImages
from training.networks.transfer_network import TransferNetwork
from training.ood.score import held_out_cosines
from training.probing.network_features import features_of
from training.probing.probe import ProbeTrial
from training.runtime.time_budget import TimeBudget

pytestmark = pytest.mark.training

Beside = Callable[[Dataset, TransferNetwork], TrainedNetwork]


@pytest.fixture
def folded(dataset: Dataset) -> Dataset:
    """Return the folder of colours in three folds, in place of held-out images."""
    train = dataset.splits["train"]
    return dataclasses.replace(
        dataset,
        splits={**dataset.splits, "val": train},
        folds=np.arange(len(train), dtype=np.int64) % 3,
    )


@pytest.fixture
def beside(backbone: Backbone, config: FinetuneConfig) -> Beside:
    """Return what makes a network, as if it had been trained beside a data set's `val`."""

    def make(dataset: Dataset, network: TransferNetwork) -> TrainedNetwork:
        task = TrainingTask(
            start=network,
            backbone=backbone,
            dataset=dataset,
            images=images_of(dataset),
            validation=ValidationImages(
                pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
            ),
            config=config,
            method="finetune",
            horizontal_flip=True,
            settings=choose_hyperparameters(config, dataset, scratch=False),
            budget=TimeBudget.starting_now(),
        )
        features = features_of(network, backbone.spec, dataset.pixels, quiet())
        return TrainedNetwork(
            task=task,
            features=features,
            probe=search_probe(features, dataset, quiet(), every_logits=True),
            history=(),
            notes=("trained",),
        )

    return make


def scaled(network: TransferNetwork, factor: float) -> TransferNetwork:
    """Return a copy with all weights of the head and the trunk's convolutions times a factor."""
    other = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(factor if parameter.ndim > 1 else 1)
    return other.eval()


@pytest.fixture
def two(probe: Candidate, folded: Dataset, beside: Beside) -> list[TrainedNetwork]:
    """Return two networks a little apart, beside the first two folds."""
    return [
        beside(folded.hold_out(fold), scaled(probe.start, factor))
        for fold, factor in enumerate((0.98, 1.04))
    ]


def test_the_mean_of_networks_is_published_and_each_answers_for_its_fold(
    two: list[TrainedNetwork], folded: Dataset, probe: Candidate
) -> None:
    dataset = folded.validated_on(2)
    model = make_finetuned(two, dataset, quiet())
    trunk, expected = model.network.trunk.state_dict(), scaled(probe.start, 1.01).trunk.state_dict()
    assert all(torch.allclose(v, expected[n], rtol=1e-3, atol=1e-6) for n, v in trunk.items())
    assert "averaged weights of 2 networks, one per fold (model soup)" in model.notes
    assert model.dataset is dataset
    assert model.val_logits.shape == (28, 3)
    assert model.cross_validated
    assert model.spread == pytest.approx(0)
    (chosen,) = {t.C for t in two[0].probe.trials} & {model.C}
    parts = [next(t.logits for t in n.probe.trials if chosen == t.C) for n in two]
    assert np.array_equal(model.val_logits, np.concatenate(parts))


def test_its_embeddings_and_head_are_of_the_mean(
    two: list[TrainedNetwork], folded: Dataset, backbone: Backbone
) -> None:
    model = make_finetuned(two, folded.validated_on(2), quiet())
    again = features_of(model.network, backbone.spec, folded.pixels, quiet())
    assert model.embeddings is not None
    assert np.allclose(model.embeddings, again.embeddings, atol=1e-4)
    assert not np.allclose(model.embeddings, two[0].features.embeddings, atol=1e-4)
    answers = model.network.linear_head().logits(model.embeddings[folded.rows("train")])
    assert (answers.argmax(axis=1) == folded.targets("train")).all()


def test_the_ood_score_of_an_image_is_of_the_network_that_had_not_seen_it(
    two: list[TrainedNetwork], folded: Dataset
) -> None:
    model = make_finetuned(two, folded.validated_on(2), quiet())
    expected = []
    for network in two:
        dataset, embeddings = network.task.dataset, network.features.embeddings
        known, asked = embeddings[dataset.rows("train")], embeddings[dataset.rows("val")]
        expected.append(held_out_cosines(known, dataset.targets("train"), asked))
    assert model.val_cosines == pytest.approx(np.concatenate(expected))


def test_networks_that_went_different_ways_are_not_mixed(
    two: list[TrainedNetwork], folded: Dataset, beside: Beside
) -> None:
    """Their mean is zero everywhere and takes every image for one class."""
    opposite = beside(folded.hold_out(1), scaled(two[0].features.network, -1))
    opposite.features.network.set_linear_head(opposite.probe.head)
    model = make_finetuned([two[0], opposite], folded.validated_on(2), quiet())
    assert "first of 2 networks: their averaged weights are worse than each of them" in model.notes
    assert model.trunk is two[0].features.trunk
    assert len(model.val_logits) == 28


def test_one_network_is_published_as_it_is(two: list[TrainedNetwork], folded: Dataset) -> None:
    model = make_finetuned(two[:1], folded.validated_on(1), quiet())
    assert model.trunk is two[0].features.trunk
    assert model.embeddings is two[0].features.embeddings
    assert model.val_cosines is None
    assert model.spread is None
    assert not model.cross_validated
    assert len(model.out_of_fold().targets) == 14


def test_c_is_chosen_on_the_images_of_all_folds(two: list[TrainedNetwork], folded: Dataset) -> None:
    """Each would choose its own: the second one's best is the first one's worst."""
    targets = [network.task.dataset.targets("val") for network in two]
    wrong = [(t + 1) % 3 for t in targets]
    first = with_trials(two[0], targets[0], targets[0], wrong[0])
    second = with_trials(two[1], wrong[1], targets[1], targets[1], targets[1])
    model = make_finetuned([first, second], folded.validated_on(2), quiet())
    assert model.C == 0.1
    assert model.accuracy == 1


def test_the_head_that_came_out_of_training_stays_where_it_is_better(
    two: list[TrainedNetwork], folded: Dataset
) -> None:
    """Its mean, that is, with the mean of the trunks."""
    bad = [with_trials(n, (n.task.dataset.targets("val") + 1) % 3) for n in two]
    model = make_finetuned(bad, folded.validated_on(2), quiet())
    assert model.C is None
    assert any(note.startswith("head as trained") and "(kept)" in note for note in model.notes)
    heads = [network.features.network.linear_head().weight for network in two]
    assert np.allclose(model.network.linear_head().weight, np.mean(heads, axis=0), atol=1e-5)


def with_trials(network: TrainedNetwork, *answers: np.ndarray) -> TrainedNetwork:
    """Return the network with C 0.01, 0.1, … whose heads gave these answers."""
    trials = tuple(
        ProbeTrial(
            C=10.0 ** (place - 2),
            logits=4 * np.eye(3, dtype=np.float32)[classes],
            accuracy=0,
            nll=0,
            spread=None,
        )
        for place, classes in enumerate(answers)
    )
    return dataclasses.replace(network, probe=dataclasses.replace(network.probe, trials=trials))
