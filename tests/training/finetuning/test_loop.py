"""The training loop on the folder of colours."""

import copy
import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tests.training.conftest import SIDE_PX
from tests.training.step_images import images_of
from training.assessment.validation_record import ValidationRecord
from training.backbones.build import Backbone, build_backbone
from training.config import FinetuneConfig
from training.data.split import Dataset
from training.errors import DivergenceError
from training.finetuning.hyperparameters import FINETUNE, Hyperparameters
from training.finetuning.loop import (
    MAX_ROLLBACKS,
    Hooks,
    StepReport,
    Trainer,
    set_training_mode,
)
from training.finetuning.step_plan import StepPlan
from training.finetuning.validation import ValidationImages, compute_logits, loss_and_accuracy
from training.networks.transfer_network import TransferNetwork
from training.runtime.time_budget import TimeBudget

pytestmark = pytest.mark.training

CPU = torch.device("cpu")
SIDE_HW = (SIDE_PX, SIDE_PX)


def settings(**changes: Any) -> Hyperparameters:
    """Return how weights are changed here."""
    return dataclasses.replace(FINETUNE, **{"learning_rate": 1e-3, **changes})


def step_plan(num_steps: int, *, records: int = 1, left_s: float = math.inf) -> StepPlan:
    """Return a course of a few steps, the first ones on smaller images."""
    return StepPlan(
        num_steps=num_steps,
        most_steps=num_steps,
        num_validations=records,
        early_hw=(48, 48),
        final_hw=SIDE_HW,
        budget=TimeBudget.starting_now(left_s),
    )


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


@dataclasses.dataclass
class Seen:
    """What the hooks were told."""

    steps: list[StepReport] = dataclasses.field(default_factory=list)
    records: list[ValidationRecord] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    def hooks(self) -> Hooks:
        """Return hooks that remember."""
        return Hooks(
            on_step=self.steps.append, on_validation=self.records.append, on_note=self.notes.append
        )


@pytest.fixture
def begin(fresh: TransferNetwork, dataset: Dataset, validation: ValidationImages) -> Any:
    """Return a function that begins a run on a copy of the tiny network."""

    def make(plan: StepPlan, hooks: Hooks | None = None, **changes: Any) -> Trainer:
        return Trainer.begin(
            copy.deepcopy(fresh),
            images_of(dataset),
            validation,
            settings(**changes),
            step_plan=plan,
            hooks=hooks or Hooks(),
        )

    return make


def weights(trainer: Trainer) -> list[Tensor]:
    """Return all weights, last and averaged, and the optimiser's moments."""
    moments = [
        value
        for state in trainer.optimizer.state.values()
        for value in state.values()
        if isinstance(value, Tensor)
    ]
    network = trainer.network.state_dict().values()
    return [v.clone() for v in (*network, *trainer.average.weights.values(), *moments)]


def same(first: list[Tensor], second: list[Tensor]) -> bool:
    """Return whether all are bit-equal."""
    return all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_the_loss_falls_and_the_colours_are_learnt(begin: Any) -> None:
    seen = Seen()
    trainer = begin(step_plan(36, records=6), seen.hooks(), learning_rate=1e-2)
    trainer.run()
    assert [record.epoch for record in seen.records] == [1, 2, 3, 4, 5, 6]
    assert trainer.history == seen.records
    assert seen.records[-1].train_loss < seen.records[0].train_loss / 2
    assert seen.records[-1].val_accuracy == 1
    assert [report.step for report in seen.steps] == list(range(1, 37))
    assert seen.steps[-1].learning_rate < 0.05 * max(r.learning_rate for r in seen.steps)


def test_the_average_judges_and_the_last_weights_train_on(
    begin: Any, validation: ValidationImages
) -> None:
    trainer = begin(step_plan(6))
    trainer.run()
    averaged = copy.deepcopy(trainer.network)
    averaged.load_state_dict(trainer.average.weights)
    loss, _ = loss_and_accuracy(compute_logits(averaged, validation, CPU), validation.targets)
    assert trainer.history[-1].val_loss == pytest.approx(loss, rel=1e-5)
    own, _ = loss_and_accuracy(compute_logits(trainer.network, validation, CPU), validation.targets)
    assert own != pytest.approx(loss, rel=1e-5)


@pytest.mark.parametrize("train_norms", [False, True])
def test_batchnorm_statistics_follow_the_data_only_where_asked(
    begin: Any, train_norms: bool
) -> None:
    trainer = begin(step_plan(3), train_norms=train_norms)

    def statistics() -> list[Tensor]:
        buffers = trainer.network.named_buffers()
        return [b.clone() for name, b in buffers if name.endswith("running_mean")]

    before = statistics()
    trainer.run()
    equal = [torch.equal(old, new) for old, new in zip(before, statistics(), strict=True)]
    assert before
    assert all(equal) if not train_norms else not any(equal)


def test_frozen_norms_still_learn_scale_and_shift(fresh: TransferNetwork) -> None:
    """Only the statistics are frozen; everything else is in training mode."""
    set_training_mode(fresh, train_norms=False)
    norms = [m for m in fresh.modules() if isinstance(m, nn.BatchNorm2d)]
    assert norms
    assert not any(norm.training for norm in norms)
    assert all(p.requires_grad for norm in norms for p in norm.parameters())
    assert fresh.training
    assert fresh.head.training


def replaced(network: nn.Module, kind: type[nn.Module]) -> int:
    """Return how many of a network's layers of a kind compute something else than they say."""
    return sum("forward" in vars(m) for m in network.modules() if isinstance(m, kind))


@pytest.mark.parametrize("train_norms", [False, True])
def test_frozen_norms_are_folded_while_steps_are_taken(begin: Any, train_norms: bool) -> None:
    counts: list[int] = []

    def count(report: StepReport) -> None:
        counts.append(replaced(trainer.network, nn.BatchNorm2d))

    trainer = begin(step_plan(2), Hooks(on_step=count), train_norms=train_norms)
    trainer.run()
    num_norms = sum(isinstance(m, nn.BatchNorm2d) for m in trainer.network.modules())
    assert num_norms
    assert counts == [0 if train_norms else num_norms] * 2
    assert replaced(trainer.network, nn.Module) == 0


@pytest.mark.parametrize("half_precision", [False, True])
def test_depthwise_layers_stay_in_float32_on_a_cpu(
    dataset: Dataset, validation: ValidationImages, half_precision: bool
) -> None:
    """Norms are trained here, so that nothing is folded."""
    counts: list[int] = []

    def count(report: StepReport) -> None:
        counts.append(replaced(network, nn.Conv2d))

    options = FinetuneConfig(data=Path("colours"), backbone="test_efficientnet", weights="none")
    network = TransferNetwork(build_backbone(options), 3)
    Trainer.begin(
        network,
        images_of(dataset),
        validation,
        settings(half_precision=half_precision, train_norms=True),
        step_plan=step_plan(1),
        hooks=Hooks(on_step=count),
    ).run()
    num_depthwise = sum(isinstance(m, nn.Conv2d) and m.groups > 1 for m in network.modules())
    assert num_depthwise
    assert counts == [num_depthwise if half_precision else 0]


def test_every_step_trains_and_the_end_is_for_evaluation(begin: Any) -> None:
    """Also the steps after those at which the network was judged."""
    modes: list[bool] = []

    def note_mode(report: StepReport) -> None:
        modes.append(trainer.network.head.training)

    trainer = begin(step_plan(6, records=3), Hooks(on_step=note_mode))
    trainer.run()
    assert modes == [True] * 6
    assert not any(module.training for module in trainer.network.modules())


def test_the_same_seed_gives_the_same_weights(begin: Any) -> None:
    found = []
    for _ in range(2):
        torch.manual_seed(0)
        trainer = begin(step_plan(5))
        trainer.run()
        found.append(weights(trainer))
    assert same(*found)


class Stop(Exception):
    """Ends a run in the middle."""


@pytest.mark.parametrize("stop_after", [1, 4, 7])
def test_a_run_that_goes_on_from_its_state_ends_bit_equal(begin: Any, stop_after: int) -> None:
    """The state is taken after some step and laid into a new run of another process's making."""
    plan = step_plan(8, records=3)
    torch.manual_seed(3)
    unbroken = begin(plan)
    unbroken.run()
    taken: list[Any] = []

    def after_step(state_of: Any) -> None:
        if state_of()["progress"]["step"] == stop_after:
            taken.append(state_of())
            raise Stop

    torch.manual_seed(3)
    with pytest.raises(Stop):
        begin(plan, Hooks(after_step=after_step)).run()
    torch.manual_seed(99)
    resumed = begin(plan)
    resumed.load_state(taken[0])
    resumed.run()
    assert same(weights(resumed), weights(unbroken))
    assert [dataclasses.replace(r, seconds=0) for r in resumed.history] == [
        dataclasses.replace(r, seconds=0) for r in unbroken.history
    ]


def test_a_loss_that_is_no_number_goes_back_with_half_the_rate(begin: Any) -> None:
    """Weights spoilt once after the third step; the run goes back to its last sound ones."""
    seen = Seen()
    spoilt: list[int] = []

    def after_step(state_of: Any) -> None:
        if len(seen.steps) == 3 and not spoilt:
            spoilt.append(3)
            with torch.no_grad():
                trainer.network.head.weight.fill_(float("nan"))

    hooks = dataclasses.replace(seen.hooks(), after_step=after_step)
    trainer = begin(step_plan(6, records=3), hooks)
    trainer.run()
    assert trainer.progress.done
    assert trainer.rate_scale == 0.5
    assert [report.step for report in seen.steps] == [1, 2, 3, 3, 4, 5, 6]
    assert len(seen.notes) == 1
    assert "back to step 2 with 0.5 of the rate" in seen.notes[0]
    assert all(torch.isfinite(p).all() for p in trainer.network.parameters())


def test_a_loss_that_stays_no_number_ends_the_run_with_the_remedy(begin: Any) -> None:
    seen = Seen()
    trainer = begin(step_plan(6), seen.hooks())
    with torch.no_grad():
        trainer.network.head.weight.fill_(float("nan"))
    with pytest.raises(DivergenceError, match=r"lower --learning-rate \(it was 0\.001\)"):
        trainer.run()
    assert len(seen.notes) == MAX_ROLLBACKS


def test_a_passed_deadline_ends_the_run_at_the_next_look_at_the_clock(begin: Any) -> None:
    seen = Seen()
    trainer = begin(step_plan(500, records=5, left_s=0.0), seen.hooks())
    trainer.run()
    assert len(seen.steps) == 10
    assert trainer.progress.num_steps == 10


def test_a_far_deadline_changes_nothing(begin: Any) -> None:
    seen = Seen()
    begin(step_plan(12, left_s=3600), seen.hooks()).run()
    assert {report.num_steps for report in seen.steps} == {12}


def test_evaluation_counts_every_image_once(
    fresh: TransferNetwork, dataset: Dataset, validation: ValidationImages
) -> None:
    found = compute_logits(fresh, validation, CPU)
    images = torch.from_numpy(dataset.pixels[validation.rows]).permute(0, 3, 1, 2)
    with torch.inference_mode():
        expected = fresh(images)
    assert np.allclose(found, expected.numpy(), atol=1e-4)
    loss, accuracy = loss_and_accuracy(found, validation.targets)
    targets = torch.from_numpy(validation.targets)
    assert loss == pytest.approx(float(nn.functional.cross_entropy(expected, targets)), rel=1e-4)
    assert accuracy == int((expected.argmax(dim=1) == targets).sum()) / len(targets)


def test_weighed_classes_change_the_step(begin: Any) -> None:
    plain, weighed = (
        begin(step_plan(2)),
        begin(step_plan(2), class_weights=torch.tensor([9.0, 1.0, 1.0])),
    )
    plain.run()
    weighed.run()
    assert not torch.equal(plain.network.head.weight, weighed.network.head.weight)
