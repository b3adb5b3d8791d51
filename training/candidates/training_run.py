"""One training run: planned, shown, resumed after a stop; the best of its weights are kept."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch

from training.assessment.validation_record import ValidationRecord
from training.assessment.validation_result import ValidationResult, select_best, validation_result
from training.finetuning.checkpoint import Checkpoints
from training.finetuning.experiment_tracking import open_tracker, tracked
from training.finetuning.last_stages import merge_last_stages
from training.finetuning.loop import OnLogits, Trainer, ignore
from training.finetuning.task import TrainingTask
from training.finetuning.training_progress import show_training
from training.finetuning.validation import compute_logits
from training.finetuning.weight_averaging import Weights, interpolate, load_copy
from training.networks.transfer_network import TransferNetwork
from training.planning.last_stages_plan import last_stages_task
from training.planning.training_plan import Plan, make_plan, with_swept_rate
from training.runtime.arrays import Floats
from training.runtime.progress import Display


@dataclass(frozen=True, slots=True, kw_only=True)
class SelectedWeights:
    """The weights kept, in evaluation mode on the CPU, how they came about, and what else there was."""

    network: TransferNetwork
    history: tuple[ValidationRecord, ...]
    notes: tuple[str, ...]


def train_network(
    task: TrainingTask, checkpoints: Checkpoints, display: Display, on_logits: OnLogits = ignore
) -> SelectedWeights:
    """Train a copy of the start, or resume a run that was stopped; keep the best weights.

    `on_logits` is called at each validation.

    Raises:
        DivergenceError: the loss became NaN or infinite again and again.
        ConfigError: the checkpoint is another run's, the tracker cannot be reached, or memory has
            no room for one image.
        NoTimeToTrain: the budget has no room for a few steps.
        Paused: the run was asked to stop; its checkpoint is saved.
    """
    torch.manual_seed(task.config.seed)
    saved = checkpoints.load()
    plan, part = _planned(task, saved, display)
    state = None if saved is None else saved["state"]
    tracker = open_tracker(
        task.config,
        checkpoints.log_folder,
        display,
        earlier=None if saved is None else saved["log"],
        done=0 if state is None else state["progress"]["step"],
    )

    def contents(state: Any) -> dict[str, Any]:
        return {"plan": plan.to_saved(), "log": tracker.run.to_saved(), "state": state}

    if saved is None:
        checkpoints.try_to_save(contents(None))
    settings = replace(part.settings, learning_rate=plan.learning_rate)
    with (
        show_training(display, part=task.part) as shown,
        tracked(tracker, shown) as hooks,
        checkpoints.stopping_safely(),
    ):

        def after_step(state_of: Any) -> None:
            checkpoints.offer(lambda: contents(state_of()))

        trainer = Trainer.begin(
            copy.deepcopy(part.start),
            part.images,
            part.validation,
            settings,
            step_plan=plan.step_plan,
            hooks=replace(hooks, after_step=after_step, on_logits=on_logits),
        )
        if state is not None:
            trainer.load_state(state)
            display.line(f"resuming at {trainer.progress.describe()}")
        trainer.run()
        checkpoints.try_to_save(contents(trainer.state()))
    network, notes = _keep_best(part, trainer, display)
    if plan.last_stages is not None:
        network = merge_last_stages(task.start, network)
    return SelectedWeights(
        network=network, history=tuple(trainer.history), notes=(*plan.notes, *notes)
    )


def _planned(
    task: TrainingTask, saved: Mapping[str, Any] | None, display: Display
) -> tuple[Plan, TrainingTask]:
    """Return the plan, a new one or that of the run that was stopped, and what of the task it trains."""
    plan = make_plan(task, display) if saved is None else Plan.from_saved(saved["plan"])
    part = task if plan.last_stages is None else last_stages_task(task, plan.last_stages, display)
    return plan if saved is not None else with_swept_rate(part, plan, display), part


def _keep_best(
    task: TrainingTask, trainer: Trainer, display: Display
) -> tuple[TransferNetwork, list[str]]:
    """Compare the weights of a run on validation images; return the best, and what was tried."""
    device = trainer.settings.device
    start = {name: value.to(device) for name, value in task.start.state_dict().items()}
    average = trainer.average.weights
    choices: dict[str, Weights] = {}
    results: list[ValidationResult] = []

    def consider(name: str, weights: Weights, logits: Floats | None = None) -> None:
        choices[name] = weights
        if logits is None:
            logits = compute_logits(load_copy(trainer.network, weights), trainer.validation, device)
        results.append(validation_result(name, logits, trainer.validation.targets))

    def between(share: float) -> None:
        name = f"weight interpolation, {round(100 * share)} % (WiSE-FT)"
        consider(name, interpolate(start, average, share))

    consider("averaged weights (EMA)", average, trainer.average_logits())
    consider("last weights", trainer.network.state_dict())
    if not task.scratch:
        between(0.5)
        # On the side where it gets better.
        between(0.25 if results[2].losses.mean() < results[0].losses.mean() else 0.75)
    kept = select_best(results)
    network = load_copy(trainer.network, list(choices.values())[kept]).cpu()
    assert isinstance(network, TransferNetwork)
    notes = [r.describe() + (" (kept)" if i == kept else "") for i, r in enumerate(results)]
    for note in notes:
        display.line(f"  {note}")
    return network, notes
