"""The training loop, from a state that can be saved and resumed.

Steps of AdamW with a cosine rate; the average of the weights is kept beside the last ones and is what
is evaluated on the validation images on the way.
"""

import copy
import math
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np
import torch
from torch import Tensor, nn

from training.assessment.validation_record import ValidationRecord
from training.augmentation.batches import Batch, StepImages
from training.errors import DivergenceError
from training.finetuning.cuda_graph import GraphCapture
from training.finetuning.gradient_accumulation import Accumulation
from training.finetuning.hyperparameters import Hyperparameters
from training.finetuning.lr_schedule import RunProgress, rate_factor
from training.finetuning.optimizer import build_optimizer, set_rate
from training.finetuning.step_plan import StepPlan, StepTimer
from training.finetuning.validation import ValidationImages, compute_logits, loss_and_accuracy
from training.finetuning.weight_averaging import WeightAverage, Weights, decay_of
from training.networks.float32_depthwise import float32_depthwise
from training.networks.frozen_norms import folded_norms
from training.networks.transfer_network import TransferNetwork
from training.runtime import distributed
from training.runtime.arrays import Floats

_CLIP_NORM: Final = 1.0
# How often a run goes back to its last sound weights with half the rate before it gives up.
MAX_ROLLBACKS: Final = 3
# The clock is asked this often, in steps, whether the run still ends in time.
_ASK_CLOCK_EVERY: Final = 10

State = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReport:
    """What is reported after each step."""

    step: int
    num_steps: int
    loss: float
    learning_rate: float
    images_per_s: float


# Called with a step and what the averaged weights say of the validation images then, (M, K).
OnLogits = Callable[[int, Floats], None]


def ignore(*_: Any) -> None:
    """Do nothing: what a hook does unless one is given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """What wants to know of the run. `after_step` may ask for the state and may end the run."""

    on_step: Callable[[StepReport], None] = ignore
    on_validation: Callable[[ValidationRecord], None] = ignore
    on_logits: OnLogits = ignore
    on_note: Callable[[str], None] = ignore
    after_step: Callable[[Callable[[], State]], None] = ignore


NO_HOOKS: Final = Hooks()


@dataclass(slots=True, kw_only=True)
class Trainer:
    """A run: its network and all that changes beside it. Make it with `Trainer.begin`.

    Attributes:
        average, live: the averaged weights, and the network's own tensors under the same names.
        loss_weights: the factor of each class's loss, where the network is.
        last_validation: the last step with a validation, and the logits of the averaged weights.
        capture: replays steps as a CUDA graph on a GPU; None where they are taken one kernel at a time.
    """

    network: TransferNetwork
    images: StepImages
    validation: ValidationImages
    settings: Hyperparameters
    step_plan: StepPlan
    hooks: Hooks
    optimizer: torch.optim.Optimizer
    average: WeightAverage
    live: Weights
    progress: RunProgress
    timer: StepTimer = field(default_factory=StepTimer)
    accumulation: Accumulation = field(default_factory=Accumulation)
    history: list[ValidationRecord] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    loss_weights: Tensor | None = None
    last_validation: tuple[int, Floats] | None = None
    capture: GraphCapture | None = None
    rate_scale: float = 1.0
    rollbacks: int = 0
    earlier_s: float = 0.0
    started: float = 0.0

    @classmethod
    def begin(
        cls,
        network: TransferNetwork,
        images: StepImages,
        validation: ValidationImages,
        settings: Hyperparameters,
        *,
        step_plan: StepPlan,
        hooks: Hooks = NO_HOOKS,
    ) -> "Trainer":
        """Return a run at its first step. The network is trained in place."""
        device, weights = settings.device, settings.class_weights
        network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        capture = None
        if device.type == "cuda" and images.shard.of == 1:
            capture = GraphCapture.of(network, device, hooks.on_note)
        return cls(
            network=network,
            images=images,
            validation=validation,
            settings=settings,
            step_plan=step_plan,
            hooks=hooks,
            optimizer=build_optimizer(network, settings),
            average=WeightAverage.of(network),
            live=network.state_dict(),
            progress=RunProgress(step_plan.num_steps),
            loss_weights=None if weights is None else weights.to(device),
            capture=capture,
        )

    def run(self) -> None:
        """Take all steps that are left; leave the network in evaluation mode.

        Raises:
            DivergenceError: the loss became NaN or infinite again and again.
            ConfigError: not even one image has room in memory.
        """
        self.started = time.monotonic()
        with self._fast_form():
            self._run(distributed.wrap(self.network))
        if self.capture is not None:
            self.capture.forget()
        self.network.eval()

    def _run(self, wrapped: nn.Module) -> None:
        sound = self.state()
        batches = self._stream()
        set_training_mode(self.network, train_norms=self.settings.train_norms)
        while not self.progress.done:
            began = time.monotonic()
            batch = next(batches)
            loss = self._step(wrapped, batch)
            if not math.isfinite(loss):
                self._roll_back(sound, loss)
                batches.close()
                batches = self._stream()
                continue
            self._count(batch, loss, time.monotonic() - began)
            if self.step_plan.is_validation_due(self.progress.step, self.progress.num_steps):
                self._record()
                set_training_mode(self.network, train_norms=self.settings.train_norms)
                sound = self.state()
            self.hooks.after_step(self.state)
        batches.close()

    @contextmanager
    def _fast_form(self) -> Iterator[None]:
        """Let the network compute the same function as fast as is known, for a block."""
        device = self.settings.device
        with ExitStack() as stack:
            # A kernel at a time, a GPU would wait longer for the folding's launches than it saves.
            launched = device.type == "cuda" and self.capture is None
            if not self.settings.train_norms and not launched:
                example = self.validation.batch(slice(0, 2), device)
                stack.enter_context(folded_norms(self.network, example))
            if self.settings.half_precision and device.type == "cpu":
                stack.enter_context(float32_depthwise(self.network))
            yield

    def state(self) -> State:
        """Return copies of all that the rest of the run depends on."""
        return {
            "network": _copied(self.network.state_dict()),
            "average": _copied(self.average.weights),
            "average_updates": self.average.num_updates,
            "optimizer": copy.deepcopy(self.optimizer.state_dict()),
            "progress": asdict(self.progress),
            "history": [asdict(record) for record in self.history],
            "losses": list(self.losses),
            "rate_scale": self.rate_scale,
            "rollbacks": self.rollbacks,
            "accumulation": self.accumulation.parts,
            "seconds": self._seconds(),
            "rng": torch.get_rng_state(),
            "cuda_rng": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def load_state(self, state: State) -> None:
        """Go back, or on, to a state of this run."""
        self.network.load_state_dict(state["network"])
        self.average.weights = _copied(state["average"])
        self.average.num_updates = state["average_updates"]
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        self.progress = RunProgress(**state["progress"])
        self.history = [ValidationRecord(**record) for record in state["history"]]
        self.losses = list(state["losses"])
        self.rate_scale = state["rate_scale"]
        self.rollbacks = state["rollbacks"]
        self.accumulation = Accumulation(state["accumulation"])
        self.earlier_s, self.started = state["seconds"], time.monotonic()
        torch.set_rng_state(state["rng"].cpu())
        if torch.cuda.is_available() and state["cuda_rng"]:
            torch.cuda.set_rng_state_all([rng.cpu() for rng in state["cuda_rng"]])

    def _stream(self) -> Generator[Batch]:
        return self.images.stream(
            self.progress.step, lambda step: self.step_plan.size_at(step, self.progress.num_steps)
        )

    def _step(self, wrapped: nn.Module, batch: Batch) -> float:
        """Take one optimiser step and return its loss over all processes' images."""
        factor = rate_factor(self.progress.progress, self.progress.num_steps) * self.rate_scale
        set_rate(self.optimizer, factor)
        loss = self._backward(wrapped, batch)
        loss = float(np.sum(distributed.gather(loss))) / self.images.shard.of
        if math.isfinite(loss):
            nn.utils.clip_grad_norm_(self.network.parameters(), _CLIP_NORM)
            self.optimizer.step()
        return loss

    def _backward(self, wrapped: nn.Module, batch: Batch) -> float:
        """Set the gradients to those of a batch and return the loss of this process's images.

        The loss is a sum over images, divided by the weight of the whole step: parts of any size add up
        to the loss of all at once. Gradients are averaged over processes, hence their number.
        """
        scale = self.images.shard.of / _weight_of(batch.all_targets, self.settings.class_weights)

        def loss_of(images: Tensor, targets: Tensor, scale: Tensor | float = scale) -> Tensor:
            return self._loss(wrapped, images, targets) * scale

        if self.capture is not None and self.accumulation.parts == 1:
            captured_step = self.capture.captured(loss_of, batch.images, batch.targets)
            if captured_step is not None:
                return captured_step.replay(batch.images, batch.targets, scale)
        return self.accumulation.backward(loss_of, batch, self.optimizer)

    def _loss(self, wrapped: nn.Module, images: Tensor, targets: Tensor) -> Tensor:
        """Return the sum of the losses of some images."""
        device = self.settings.device
        with torch.autocast(device.type, torch.bfloat16, enabled=self.settings.half_precision):
            logits = wrapped(images.to(device, non_blocking=True))
        return nn.functional.cross_entropy(
            logits.float(), targets.to(device), weight=self.loss_weights, reduction="sum"
        )

    def _count(self, batch: Batch, loss: float, seconds: float) -> None:
        self.average.update(self.live, decay_of(self.progress.num_steps))
        self.losses.append(loss)
        self.progress.advance()
        self.timer.add_step(tuple(batch.images.shape[-2:]), seconds)  # type: ignore[arg-type]
        if self.progress.step % _ASK_CLOCK_EVERY == 0 and self.step_plan.budget.limited:
            fitting = self.timer.steps_in_time(self.progress, self.step_plan)
            self.progress.replan(distributed.broadcast(fitting))
        self.hooks.on_step(
            StepReport(
                step=self.progress.step,
                num_steps=self.progress.num_steps,
                loss=loss,
                learning_rate=self.optimizer.param_groups[-1]["lr"],
                images_per_s=len(batch.all_targets) / max(seconds, 1e-9),
            )
        )

    def _record(self) -> None:
        began = time.monotonic()
        with self._averaged():
            logits = compute_logits(self.network, self.validation, self.settings.device)
        self.last_validation = self.progress.step, logits
        val_loss, val_accuracy = loss_and_accuracy(logits, self.validation.targets)
        record = ValidationRecord(
            epoch=len(self.history) + 1,
            train_loss=float(np.mean(self.losses)),
            val_loss=val_loss,
            val_accuracy=val_accuracy,
            learning_rate=self.optimizer.param_groups[-1]["lr"],
            seconds=self._seconds(),
        )
        self.losses.clear()
        self.history.append(record)
        self.timer.validation_s = time.monotonic() - began
        self.hooks.on_validation(record)
        self.hooks.on_logits(self.progress.step, logits)

    def average_logits(self) -> Floats:
        """Return what the average of the weights says of the validation images, (M, K)."""
        if self.last_validation is not None and self.last_validation[0] == self.progress.step:
            return self.last_validation[1]
        with self._averaged():
            return compute_logits(self.network, self.validation, self.settings.device)

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Let the network have the averaged weights for a block."""
        own = _copied(self.network.state_dict())
        self.network.load_state_dict(self.average.weights)
        try:
            yield
        finally:
            self.network.load_state_dict(own)

    def _roll_back(self, sound: State, loss: float) -> None:
        rollbacks = self.rollbacks + 1
        if rollbacks > MAX_ROLLBACKS:
            raise DivergenceError(
                f"the training loss became {loss} in spite of {MAX_ROLLBACKS} new starts with half "
                f"the rate; lower --learning-rate (it was {self.settings.learning_rate:g})"
            )
        at, scale = self.progress.step, self.rate_scale / 2
        self.load_state(sound)
        self.rollbacks, self.rate_scale = rollbacks, scale
        self.hooks.on_note(
            f"the loss became {loss} at step {at + 1}: back to step {self.progress.step} with "
            f"{scale:g} of the rate"
        )

    def _seconds(self) -> float:
        return self.earlier_s + (time.monotonic() - self.started if self.started else 0.0)


def set_training_mode(network: nn.Module, *, train_norms: bool) -> None:
    """Switch to training; BatchNorm layers stay in evaluation mode unless `train_norms`."""
    network.train()
    if train_norms:
        return
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def _weight_of(targets: Tensor, class_weights: Tensor | None) -> float:
    """Return what images weigh in a step, by their classes (B,) or probabilities of classes (B, K)."""
    if class_weights is None:
        return len(targets)
    weights = targets @ class_weights if targets.ndim == 2 else class_weights[targets]
    return float(weights.sum())


def _copied(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in weights.items()}
