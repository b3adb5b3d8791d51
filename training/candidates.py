"""The models a run makes and chooses between: the probe, and a network trained on the images.

Each candidate is a network and its exported graph; validation images decide.
"""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
import torch

from training.backbones.build import Backbone
from training.batches import TrainingImages
from training.calibration import fit_temperature, negative_log_likelihood
from training.config import FinetuneConfig
from training.data.split import Dataset
from training.embeddings import compute_embeddings
from training.errors import ConfigError
from training.export import attach_head, export_trunk
from training.familiarity import Familiarity
from training.features import Features
from training.head import LinearHead
from training.loop import (
    FINETUNE_RATE,
    HEAD_RATE_FACTOR,
    SCRATCH_RATE,
    EpochRecord,
    LoopConfig,
    StepReport,
    ValidationImages,
    train,
)
from training.network import TransferNetwork
from training.probe import STRENGTHS, Probe, cross_validate_probe, fit_head, fit_probe
from training.progress import Display
from training.reproducibility import seed_torch

# From this ratio of the largest to the smallest class on, the classes are weighed as if equal.
BALANCE_FROM: Final = 3.0
# Accuracy, 0..1, that mirroring may cost before labels are taken to depend on the side.
_MIRROR_DROP: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A model that could be published.

    Attributes:
        method: "probe", "finetune" or "scratch".
        dataset: what it was made from; its validation images judge it.
        network, trunk: the network, and its export without the head.
        start: the same network with a head that has seen no validation image (a probe of folds
            aside), for training to go on from; None for what was trained.
        mirror: whether mirror images were trained on.
        embeddings: (N, D) by `ScannedImage.row`, or None where they were not computed.
        val_logits: (N, K), each of a model that was not fitted on that image.
        accuracy, nll, spread: on validation images: 0..1, nats at the best temperature, and with
            folds the standard deviation of the accuracy over them.
        strength: the inverse L2 strength of a probe's head; None for what was trained.
        history: the epochs of its training; empty for a probe.
        notes: what else was tried.
    """

    method: str
    dataset: Dataset
    network: TransferNetwork
    start: TransferNetwork | None
    mirror: bool
    trunk: onnx.ModelProto
    embeddings: npt.NDArray[np.float32] | None
    val_logits: npt.NDArray[np.float32]
    accuracy: float
    nll: float
    spread: float | None
    strength: float | None
    history: tuple[EpochRecord, ...]
    notes: tuple[str, ...]

    def exported(self, *, temperature: float, familiarity: Familiarity) -> onnx.ModelProto:
        """Return the graph to publish, with the network's head."""
        return attach_head(
            self.trunk,
            self.network.linear_head(),
            temperature=temperature,
            familiarity=familiarity,
        )

    def describe(self) -> str:
        """Return one line for the terminal and the report."""
        spread = "" if self.spread is None else f" (± {100 * self.spread:.1f} over the folds)"
        return (
            f"{self.method}: {100 * self.accuracy:.1f} % of the validation images right{spread}, "
            f"loss {self.nll:.3f}"
        )


def make_probe(
    features: Features, dataset: Dataset, config: FinetuneConfig, display: Display
) -> Candidate:
    """Fit a linear head on the frozen trunk's embeddings.

    Validation images choose the strength. The head that is published is then fitted with it on all
    that it may see: validation images that were dealt here and, where they keep their class, mirror
    images too.
    """
    targets = dataset.targets("train")
    balanced = dataset.imbalance() >= BALANCE_FROM
    with display.bar("fitting the head", len(STRENGTHS)) as advance:
        probe = _choose_strength(features, dataset, balanced=balanced, advance=advance)
    mirror = _resolve_mirror(features, probe.head, dataset, config, display)
    rows = dataset.rows("train")
    if dataset.folds is None and not dataset.given_val:
        rows = np.concatenate([rows, dataset.rows("val")])
        targets = np.concatenate([targets, dataset.targets("val")])
    embeddings, strength = features.embeddings[rows], probe.chosen.strength
    if mirror:
        with display.bar("computing mirrored features", len(rows)) as advance:
            mirrored = compute_embeddings(
                features.trunk, dataset.pixels, rows, mirrored=True, advance=advance
            )
        # Twice the images weigh twice as much against the same penalty.
        embeddings, strength = np.concatenate([embeddings, mirrored]), strength / 2
        targets = np.concatenate([targets, targets])
    head = fit_head(embeddings, targets, strength=strength, balanced=balanced)
    return Candidate(
        method="probe",
        dataset=dataset,
        network=features.network_with(head),
        start=features.network_with(probe.head),
        trunk=features.trunk,
        embeddings=features.embeddings,
        val_logits=probe.val_logits,
        accuracy=probe.chosen.accuracy,
        nll=probe.chosen.nll,
        spread=probe.chosen.spread,
        strength=probe.chosen.strength,
        mirror=mirror,
        history=(),
        notes=_describe_trials(probe),
    )


def _choose_strength(
    features: Features, dataset: Dataset, *, balanced: bool, advance: Callable[[int], None]
) -> Probe:
    embeddings, targets = features.embeddings[dataset.rows("train")], dataset.targets("train")
    if dataset.folds is not None:
        return cross_validate_probe(
            embeddings, targets, dataset.folds, balanced=balanced, advance=advance
        )
    return fit_probe(
        embeddings,
        targets,
        features.embeddings[dataset.rows("val")],
        dataset.targets("val"),
        balanced=balanced,
        advance=advance,
    )


def _resolve_mirror(
    features: Features,
    head: LinearHead,
    dataset: Dataset,
    config: FinetuneConfig,
    display: Display,
) -> bool:
    if config.mirror != "auto":
        return config.mirror == "yes"
    safe = mirror_is_safe(features, head, dataset)
    display.line(f"mirror images {'keep' if safe else 'do not keep'} their class")
    return safe


def make_trained(
    start: TransferNetwork,
    backbone: Backbone,
    dataset: Dataset,
    config: FinetuneConfig,
    display: Display,
    *,
    method: str,
    mirror: bool,
    deadline_s: float | None,
) -> Candidate:
    """Train all weights of a copy of `start` and export the result."""
    network = copy.deepcopy(start)
    loop_config = _loop_config(config, dataset, scratch=method == "scratch", deadline_s=deadline_s)
    assert dataset.training_pixels is not None
    images = TrainingImages(
        pixels=dataset.training_pixels,
        rows=dataset.rows("train"),
        targets=dataset.targets("train"),
        spec=backbone.spec,
        seed=config.seed,
        batch_size=config.batch_size,
        mirror=mirror,
    )
    validation = ValidationImages(
        pixels=dataset.pixels, rows=dataset.rows("val"), targets=dataset.targets("val")
    )
    seed_torch(config.seed)
    display.line(f"training on {loop_config.device}, up to {config.epochs} epochs")
    history = _train_shown(network, images, validation, loop_config, display)
    display.line("exporting the trained network to ONNX")
    trunk = export_trunk(network, backbone.spec)
    embeddings = compute_embeddings(trunk, dataset.pixels, dataset.rows("val"))
    logits = network.linear_head().logits(embeddings)
    targets = dataset.targets("val")
    return Candidate(
        method=method,
        dataset=dataset,
        network=network,
        start=None,
        mirror=mirror,
        trunk=trunk,
        embeddings=None,
        val_logits=logits,
        accuracy=float((logits.argmax(axis=1) == targets).mean()),
        nll=negative_log_likelihood(logits, targets, temperature=fit_temperature(logits, targets)),
        spread=None,
        strength=None,
        history=tuple(history),
        notes=(),
    )


def _loop_config(
    config: FinetuneConfig, dataset: Dataset, *, scratch: bool, deadline_s: float | None
) -> LoopConfig:
    return LoopConfig(
        epochs=config.epochs,
        learning_rate=config.learning_rate or (SCRATCH_RATE if scratch else FINETUNE_RATE),
        head_rate_factor=1.0 if scratch else HEAD_RATE_FACTOR,
        weight_decay=config.weight_decay,
        train_norms=scratch,
        class_weights=class_weights(dataset),
        deadline_s=deadline_s,
        device=resolve_device(config),
    )


def _train_shown(
    network: TransferNetwork,
    images: TrainingImages,
    validation: ValidationImages,
    loop_config: LoopConfig,
    display: Display,
) -> list[EpochRecord]:
    with display.training_bar() as update:

        def on_step(report: StepReport) -> None:
            note = f"loss {report.loss:.3f}  {report.images_per_s:.0f} images/s"
            update(report.step, report.num_steps, note)

        def on_epoch(record: EpochRecord) -> None:
            display.line(
                f"  epoch {record.epoch}: loss {record.train_loss:.3f}, validation "
                f"{100 * record.val_accuracy:.1f} % right, {record.seconds:.0f} s"
            )

        return train(network, images, validation, loop_config, on_step=on_step, on_epoch=on_epoch)


def class_weights(dataset: Dataset) -> torch.Tensor | None:
    """Return (K,) factors inverse to the class sizes, or None where they differ little."""
    if dataset.imbalance() < BALANCE_FROM:
        return None
    counts = np.bincount(dataset.targets("train"), minlength=len(dataset.labels))
    return torch.tensor(counts.sum() / (len(counts) * counts), dtype=torch.float32)


def mirror_is_safe(features: Features, head: LinearHead, dataset: Dataset) -> bool:
    """Return whether mirror images keep their class, by a head that has seen none of them.

    A mirrored shirt is a shirt; a mirrored digit is another sign. A drop beyond noise shows that the
    labels depend on the side.
    """
    rows, targets = dataset.rows("val"), dataset.targets("val")
    mirrored = compute_embeddings(features.trunk, dataset.pixels, rows, mirrored=True)
    plain = head.logits(features.embeddings[rows]).argmax(axis=1) == targets
    turned = head.logits(mirrored).argmax(axis=1) == targets
    return float(plain.mean() - turned.mean()) <= _MIRROR_DROP


def choose(candidates: list[Candidate]) -> Candidate:
    """Return the candidate with the most validation images right; among equals the lowest loss.

    The earlier one stays unless a later one is better.
    """
    return max(candidates, key=lambda c: (c.accuracy, -c.nll))


def resolve_device(config: FinetuneConfig) -> torch.device:
    """Return where to train.

    Raises:
        ConfigError: CUDA is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if config.device == "cuda" and not available:
        raise ConfigError("--device cuda: PyTorch finds no GPU; check the driver or leave it out")
    return torch.device("cuda" if available and config.device != "cpu" else "cpu")


def training_deadline_s(config: FinetuneConfig, started: float) -> float | None:
    """Return the `time.monotonic()` at which training is to end, some time kept for the export."""
    if config.time_budget is None:
        return None
    now = time.monotonic()
    # What follows training is what came before it: one export, and a pass over the validation data.
    reserve_s = min(now - started, config.time_budget / 2)
    return started + config.time_budget - reserve_s


def _describe_trials(probe: Probe) -> tuple[str, ...]:
    return tuple(
        f"probe with strength {trial.strength:.2g}: {100 * trial.accuracy:.1f} % of the validation "
        f"images right, loss {trial.nll:.3f}" + (" (kept)" if trial == probe.chosen else "")
        for trial in probe.trials
    )
