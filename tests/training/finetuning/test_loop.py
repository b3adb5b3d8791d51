"""The training loop on the folder of colours."""

import copy
import time

import numpy as np
import pytest
import torch
from tests.training.test_batches import images_of
from torch import Tensor, nn
from training.loop import (
    EpochRecord,
    LoopConfig,
    StepReport,
    ValidationImages,
    build_optimizer,
    evaluate,
    set_training_mode,
    train,
)

from training.backbones.build import Backbone
from training.data.split import Dataset
from training.errors import DivergenceError
from training.network import TransferNetwork

pytestmark = pytest.mark.training

CPU = torch.device("cpu")


def options(**changes: object) -> LoopConfig:
    """Return a short run's options."""
    values: dict[str, object] = {
        "epochs": 4,
        "learning_rate": 1e-3,
        "head_rate_factor": 10.0,
        "weight_decay": 0.05,
        "train_norms": False,
        "class_weights": None,
        "deadline_s": None,
        "device": CPU,
    }
    return LoopConfig(**{**values, **changes})  # type: ignore[arg-type]


@pytest.fixture
def fresh(backbone: Backbone) -> TransferNetwork:
    """Return a copy of the tiny network with a random head."""
    torch.manual_seed(0)
    return copy.deepcopy(TransferNetwork(backbone, 3))


@pytest.fixture
def validation(dataset: Dataset) -> ValidationImages:
    """Return the nine validation images."""
    return ValidationImages(
        pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
    )


def statistics(network: nn.Module) -> list[Tensor]:
    """Return BatchNorm's running means."""
    return [b.clone() for name, b in network.named_buffers() if name.endswith("running_mean")]


def test_the_loss_falls_and_the_colours_are_learnt(
    fresh: TransferNetwork, dataset: Dataset, backbone: Backbone, validation: ValidationImages
) -> None:
    history = train(
        fresh, images_of(dataset, backbone), validation, options(learning_rate=1e-2, epochs=6)
    )
    assert [record.epoch for record in history] == [1, 2, 3, 4, 5, 6]
    assert history[-1].train_loss < history[0].train_loss / 2
    assert history[-1].val_accuracy == 1
    assert not fresh.training


def test_the_network_ends_with_its_best_epochs_weights(
    fresh: TransferNetwork, dataset: Dataset, backbone: Backbone, validation: ValidationImages
) -> None:
    """The second epoch is best here: after it every step's result is spoilt on purpose."""
    done: list[EpochRecord] = []

    def after_step(report: StepReport) -> None:
        if len(done) >= 2:
            with torch.no_grad():
                fresh.head.weight.normal_(0, 30)

    history = train(
        fresh,
        images_of(dataset, backbone),
        validation,
        options(),
        on_step=after_step,
        on_epoch=done.append,
    )
    losses = [record.val_loss for record in history]
    assert int(np.argmin(losses)) == 1
    assert evaluate(fresh, validation, CPU)[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize("train_norms", [False, True])
def test_batchnorm_statistics_follow_the_data_only_where_asked(
    fresh: TransferNetwork,
    dataset: Dataset,
    backbone: Backbone,
    validation: ValidationImages,
    train_norms: bool,
) -> None:
    before = statistics(fresh)
    train(
        fresh, images_of(dataset, backbone), validation, options(epochs=1, train_norms=train_norms)
    )
    same = [torch.equal(old, new) for old, new in zip(before, statistics(fresh), strict=True)]
    assert before
    assert all(same) if not train_norms else not any(same)


def test_frozen_norms_still_learn_scale_and_shift(fresh: TransferNetwork) -> None:
    """Only the statistics are frozen; everything else is in training mode."""
    set_training_mode(fresh, train_norms=False)
    norms = [m for m in fresh.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert not any(norm.training for norm in norms)
    assert all(p.requires_grad for norm in norms for p in norm.parameters())
    assert fresh.training
    assert fresh.head.training


def test_a_loss_that_is_no_number_ends_the_run_with_the_remedy(
    fresh: TransferNetwork, dataset: Dataset, backbone: Backbone, validation: ValidationImages
) -> None:
    with torch.no_grad():
        fresh.head.weight.fill_(float("nan"))
    with pytest.raises(DivergenceError, match=r"lower --learning-rate \(it was 0\.001\)"):
        train(fresh, images_of(dataset, backbone), validation, options())


def test_norms_and_biases_do_not_decay(fresh: TransferNetwork) -> None:
    optimizer = build_optimizer(fresh, options(weight_decay=0.3))
    names = {parameter: name for name, parameter in fresh.named_parameters()}
    grouped = [
        (names[parameter], group)
        for group in optimizer.param_groups
        for parameter in group["params"]
    ]
    assert len(grouped) == len(names)
    for name, group in grouped:
        matrix = fresh.get_parameter(name).ndim >= 2
        assert group["weight_decay"] == (0.3 if matrix else 0.0), name
        assert group["peak_rate"] == pytest.approx(1e-2 if name.startswith("head.") else 1e-3), name


def test_a_passed_deadline_shortens_the_run_to_the_steps_that_were_timed(
    fresh: TransferNetwork, dataset: Dataset, backbone: Backbone, validation: ValidationImages
) -> None:
    """Four steps are timed, then the rest is fitted into the time that is left: none."""
    steps: list[StepReport] = []
    history = train(
        fresh,
        images_of(dataset, backbone, batch_size=14),
        validation,
        options(epochs=50, deadline_s=time.monotonic()),
        on_step=steps.append,
    )
    assert len(steps) == 4
    assert len(history) == 2
    assert steps[-1].num_steps == 4


def test_a_far_deadline_changes_nothing(
    fresh: TransferNetwork, dataset: Dataset, backbone: Backbone, validation: ValidationImages
) -> None:
    steps: list[StepReport] = []
    train(
        fresh,
        images_of(dataset, backbone, batch_size=14),
        validation,
        options(epochs=2, deadline_s=time.monotonic() + 3600),
        on_step=steps.append,
    )
    assert [report.step for report in steps] == [1, 2, 3, 4, 5, 6]
    assert {report.num_steps for report in steps} == {6}


def test_the_rate_ends_near_zero(
    fresh: TransferNetwork, dataset: Dataset, backbone: Backbone, validation: ValidationImages
) -> None:
    history = train(fresh, images_of(dataset, backbone), validation, options(epochs=6))
    assert history[-1].learning_rate < 0.05 * 1e-3


def test_the_same_seed_gives_the_same_weights(
    fresh: TransferNetwork, dataset: Dataset, backbone: Backbone, validation: ValidationImages
) -> None:
    other = copy.deepcopy(fresh)
    for network in (fresh, other):
        torch.manual_seed(0)
        train(network, images_of(dataset, backbone), validation, options(epochs=1))
    for first, second in zip(fresh.parameters(), other.parameters(), strict=True):
        assert torch.equal(first, second)


def test_evaluation_counts_every_image_once(
    fresh: TransferNetwork, dataset: Dataset, validation: ValidationImages
) -> None:
    loss, accuracy = evaluate(fresh, validation, CPU)
    images = torch.from_numpy(dataset.pixels[validation.rows]).permute(0, 3, 1, 2)
    with torch.inference_mode():
        logits = fresh(images)
    targets = torch.from_numpy(validation.targets)
    assert loss == pytest.approx(float(nn.functional.cross_entropy(logits, targets)), rel=1e-4)
    assert accuracy == int((logits.argmax(dim=1) == targets).sum()) / len(targets)
