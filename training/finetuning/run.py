"""One training run: planned, shown, taken up again after a stop, and the best of its weights kept."""

import copy
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch

from training.backbones.build import Backbone
from training.config import FinetuneConfig
from training.data.split import Dataset
from training.device import has_fast_bfloat16, resolve_device
from training.finetuning import distributed
from training.finetuning.averaging import Weights, interpolate, load_copy
from training.finetuning.batches import StepImages
from training.finetuning.checkpoint import Checkpoints
from training.finetuning.choosing import Rated, choose_weights, rate
from training.finetuning.course import Course
from training.finetuning.display import show_training
from training.finetuning.evaluation import ValidationImages, compute_logits
from training.finetuning.loop import EpochRecord, Trainer
from training.finetuning.planning import (
    Timing,
    describe_course,
    early_size,
    measure_times,
    plan_course,
    wanted_steps,
)
from training.finetuning.settings import (
    FINETUNE_HEAD_FACTOR,
    FINETUNE_LAYER_DECAY,
    FINETUNE_RATE,
    SCRATCH_RATE,
    TrainSettings,
)
from training.finetuning.sweep import FACTORS, SCRATCH_FACTORS, sweep_rates, sweep_steps
from training.finetuning.tracking import open_tracker, tracked
from training.imbalance import class_weights
from training.networks.network import TransferNetwork
from training.progress import Display


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingTask:
    """What is to be trained on what.

    Attributes:
        start: the network with the probe's head, or random; left as it is.
        backbone: what `start` was made of.
        dataset: its `val` images judge.
        images: its `train` images, changed at random.
        config: the run's options.
        method: "finetune" or "scratch".
        mirror: whether mirror images keep their class.
        deadline_s: `time.monotonic()` at which all is to be done, or None.
        after_s: what follows the choice among the weights: export, measuring, publishing.
    """

    start: TransferNetwork
    backbone: Backbone
    dataset: Dataset
    images: StepImages
    config: FinetuneConfig
    method: str
    mirror: bool
    deadline_s: float | None
    after_s: float = 0.0

    @property
    def scratch(self) -> bool:
        """Whether the weights are random at first."""
        return self.method == "scratch"

    def validation(self) -> ValidationImages:
        """Return the images that judge."""
        return ValidationImages(
            pixels=self.dataset.pixels,
            rows=self.dataset.rows("val"),
            targets=self.dataset.targets("val"),
        )

    def settings(self) -> TrainSettings:
        """Return how weights are changed."""
        device = resolve_device(self.config)
        rate = SCRATCH_RATE if self.scratch else FINETUNE_RATE
        return TrainSettings(
            learning_rate=self.config.learning_rate or rate,
            layer_decay=1.0 if self.scratch else FINETUNE_LAYER_DECAY,
            head_rate_factor=1.0 if self.scratch else FINETUNE_HEAD_FACTOR,
            weight_decay=self.config.weight_decay,
            train_norms=self.scratch,
            class_weights=class_weights(self.dataset),
            label_smoothing=0.0,
            half_precision=has_fast_bfloat16(device),
            device=device,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Trained:
    """The weights kept, in evaluation mode on the CPU, how they came about, and what else there was."""

    network: TransferNetwork
    history: tuple[EpochRecord, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is decided before the first step, and kept with it in a checkpoint."""

    course: Course
    learning_rate: float
    notes: tuple[str, ...]

    def to_saved(self) -> dict[str, Any]:
        """Return plain values; the deadline as the seconds left, for clocks begin anew."""
        course = asdict(self.course)
        deadline_s = course.pop("deadline_s")
        left_s = None if deadline_s is None else deadline_s - time.monotonic()
        return {
            "course": course,
            "left_s": left_s,
            "learning_rate": self.learning_rate,
            "notes": list(self.notes),
        }

    @classmethod
    def from_saved(cls, saved: Mapping[str, Any]) -> "Plan":
        """Return the plan that `to_saved` was called of."""
        left_s = saved["left_s"]
        course = Course(
            **saved["course"], deadline_s=None if left_s is None else time.monotonic() + left_s
        )
        return cls(course=course, learning_rate=saved["learning_rate"], notes=tuple(saved["notes"]))


def make_plan(task: TrainingTask, display: Display) -> Plan:
    """Measure, decide on the length and the rate, and say what will be done."""
    images, validation, settings = task.images, task.validation(), task.settings()
    final_hw = task.backbone.spec.crop_hw
    early_hw = final_hw if task.scratch else early_size(task.start, final_hw)
    wanted = wanted_steps(images.num_images, images.images_per_step, scratch=task.scratch)
    if task.config.epochs is not None:
        wanted = max(1, round(task.config.epochs * images.num_images / images.images_per_step))
    timing: Timing | None = None
    if task.deadline_s is not None or task.config.dry_run:
        timing = measure_times(
            task.start, images, validation, settings, early_hw=early_hw, final_hw=final_hw
        )
    timing = distributed.agree(timing)
    course = plan_course(
        wanted,
        timing,
        len(validation.rows),
        early_hw=early_hw,
        final_hw=final_hw,
        deadline_s=task.deadline_s,
        after_s=task.after_s,
        fixed=task.config.epochs is not None,
    )
    said = describe_course(course, timing, images.images_per_step, images.num_images)
    display.line(f"plan: {said}, on {settings.device}" + " in bfloat16" * settings.half_precision)
    plan = Plan(
        course=distributed.agree(course), learning_rate=settings.learning_rate, notes=(said,)
    )
    return plan if task.config.dry_run else _with_swept_rate(task, plan, display)


def train_network(task: TrainingTask, checkpoints: Checkpoints, display: Display) -> Trained:
    """Train a copy of the start, or go on with a run that was stopped; keep the best weights.

    Raises:
        DivergenceError: the loss became NaN or infinite again and again.
        ConfigError: the checkpoint is another run's, the tracker cannot be reached, or memory has
            no room for one image.
        Paused: the run was told to stop; it is saved.
    """
    torch.manual_seed(task.config.seed)
    saved = checkpoints.load()
    plan = make_plan(task, display) if saved is None else Plan.from_saved(saved["plan"])
    state = None if saved is None else saved["state"]
    tracker = open_tracker(
        task.config,
        checkpoints.log_folder,
        display,
        earlier=None if saved is None else saved["log"],
        done=0 if state is None else state["pace"]["step"],
    )

    def contents(state: Any) -> dict[str, Any]:
        return {"plan": plan.to_saved(), "log": tracker.run.to_saved(), "state": state}

    if saved is None:
        checkpoints.save(contents(None))
    settings = replace(task.settings(), learning_rate=plan.learning_rate)
    with (
        show_training(display) as shown,
        tracked(tracker, shown) as hooks,
        checkpoints.stopping_safely(),
    ):

        def after_step(state_of: Any) -> None:
            checkpoints.offer(lambda: contents(state_of()))

        trainer = Trainer.begin(
            copy.deepcopy(task.start),
            task.images,
            task.validation(),
            settings,
            course=plan.course,
            hooks=replace(hooks, after_step=after_step),
        )
        if state is not None:
            trainer.load_state(state)
            display.line(f"going on at step {trainer.pace.step} of {trainer.pace.num_steps}")
        trainer.run()
        checkpoints.save(contents(trainer.state()))
    network, notes = _keep_best(task, trainer, display)
    return Trained(network=network, history=tuple(trainer.history), notes=(*plan.notes, *notes))


def _with_swept_rate(task: TrainingTask, plan: Plan, display: Display) -> Plan:
    """Try a few rates where none was given and the run is long enough to spare the steps."""
    steps = sweep_steps(plan.course.num_steps)
    if task.config.learning_rate is not None or task.config.epochs is not None or not steps:
        return plan
    notes: list[str] = []

    def on_trial(rate: float, loss: float | None) -> None:
        outcome = "diverged" if loss is None else f"validation loss {loss:.3f}"
        notes.append(f"rate {rate:.2g} for {steps} steps: {outcome}")
        display.line(f"  {notes[-1]}")

    began = time.monotonic()
    settings, validation = task.settings(), task.validation()
    rate = sweep_rates(
        task.start,
        task.images,
        validation,
        settings,
        plan.course,
        steps=steps,
        factors=SCRATCH_FACTORS if task.scratch else FACTORS,
        on_trial=on_trial,
    )
    course = plan.course
    if course.deadline_s is not None:
        # The trials were paid for with the run's own time.
        ends_s = course.deadline_s - course.closing_s
        share = (time.monotonic() - began) / max(1e-6, ends_s - began)
        left = max(1, round(course.num_steps * max(0.0, 1 - share)))
        course = replace(course, num_steps=distributed.agree(left))
    return replace(
        plan, course=course, learning_rate=distributed.agree(rate), notes=(*plan.notes, *notes)
    )


def _keep_best(
    task: TrainingTask, trainer: Trainer, display: Display
) -> tuple[TransferNetwork, list[str]]:
    """Compare the weights of a run on validation images; return the best, and what was tried."""
    device = trainer.settings.device
    start = {name: value.to(device) for name, value in task.start.state_dict().items()}
    average = trainer.average.weights
    choices: dict[str, Weights] = {}
    rated: list[Rated] = []

    def consider(name: str, weights: Weights) -> None:
        choices[name] = weights
        logits = compute_logits(load_copy(trainer.network, weights), trainer.validation, device)
        rated.append(rate(name, logits, trainer.validation.targets))

    def between(share: float) -> None:
        name = f"{round(100 * share)} % of the way from the probe to the average"
        consider(name, interpolate(start, average, share))

    consider("average of the weights", average)
    consider("last weights", trainer.network.state_dict())
    if not task.scratch:
        between(0.5)
        # On the side where it gets better.
        between(0.25 if rated[2].losses.mean() < rated[0].losses.mean() else 0.75)
    kept = choose_weights(rated)
    network = load_copy(trainer.network, list(choices.values())[kept]).cpu()
    assert isinstance(network, TransferNetwork)
    notes = [r.describe() + (" (kept)" if i == kept else "") for i, r in enumerate(rated)]
    for note in notes:
        display.line(f"  {note}")
    return network, notes
