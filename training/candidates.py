"""The models a run makes and chooses between: the probe, and what was trained (`trained.py`).

Each candidate is a network and its exported graph; validation images decide (`contest.py`).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx

from training.config import FinetuneConfig
from training.data.split import Dataset
from training.finetuning.loop import EpochRecord
from training.imbalance import is_imbalanced
from training.judged import Judged
from training.networks.export import attach_head
from training.networks.head import LinearHead
from training.networks.network import TransferNetwork
from training.probing.embeddings import compute_embeddings
from training.probing.features import Features
from training.probing.probe import STRENGTHS, Probe, cross_validate_probe, fit_probe
from training.probing.published_head import fit_published_head, head_images
from training.progress import Display
from training.unknowns.familiarity import Familiarity

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
        val_cosines: (N,) how near each validation image is to the others, by networks that had not
            seen it; None where the published network has not seen it either.
        strength: the inverse L2 strength of a fitted head; None for one that came out of training.
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
    val_cosines: npt.NDArray[np.float32] | None = None

    @property
    def cross_validated(self) -> bool:
        """Whether several models judged it, each of them by images of its own."""
        folds = self.dataset.val_folds
        return folds is not None and len(np.unique(folds)) > 1

    def judged(self) -> Judged:
        """Return all that speaks for and against this way to a model."""
        return Judged(
            images=self.dataset.splits["val"],
            targets=self.dataset.targets("val"),
            logits=self.val_logits,
        )

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
            f"loss {abs(self.nll):.3f}"
        )


def make_probe(
    features: Features,
    dataset: Dataset,
    config: FinetuneConfig,
    display: Display,
    *,
    mirror: bool | None = None,
    mirrored: bool = True,
    spare_s: Callable[[], float] = lambda: math.inf,
) -> Candidate:
    """Fit a linear head on the trunk's embeddings.

    Validation images choose the strength. The head that is published is then fitted with it on all
    that it may see: validation images that were dealt here and, where they keep their class, mirror
    images too: `mirror` says whether they do, and is found out where it is None. These are left out
    where `mirrored` is false, or their features would take longer than `spare_s()`, in seconds.
    """
    probe = choose_strength(features, dataset, display)
    if mirror is None:
        mirror = _resolve_mirror(features, probe.head, dataset, config, display)
    head = fit_last_head(
        features,
        dataset,
        display,
        strength=probe.chosen.strength,
        mirrored=mirror and mirrored,
        spare_s=spare_s,
    )
    return Candidate(
        method="probe",
        dataset=dataset,
        network=features.network_with(head),
        start=features.network_with(probe.head),
        trunk=features.trunk,
        embeddings=features.embeddings,
        val_logits=probe.chosen.logits,
        accuracy=probe.chosen.accuracy,
        nll=probe.chosen.nll,
        spread=probe.chosen.spread,
        strength=probe.chosen.strength,
        mirror=mirror,
        history=(),
        notes=_describe_trials(probe),
    )


def fit_last_head(
    features: Features,
    dataset: Dataset,
    display: Display,
    *,
    strength: float,
    mirrored: bool,
    spare_s: Callable[[], float],
) -> LinearHead:
    """Fit the head that is published on all images that it may see, and on their mirror images.

    These are left out where `mirrored` is false, or their features would take longer than `spare_s()`.
    """
    rows, targets = head_images(dataset)
    turned = None
    if mirrored and features.embedding_s * len(rows) / len(features.embeddings) > spare_s():
        display.line("time budget: no time is left for mirrored images")
    elif mirrored:
        with display.bar("computing mirrored features", len(rows)) as advance:
            turned = compute_embeddings(
                features.trunk, dataset.pixels, rows, mirrored=True, advance=advance
            )
    with display.stage("fitting the head"):
        return fit_published_head(
            features.embeddings[rows],
            targets,
            strength=strength,
            balanced=is_imbalanced(dataset),
            mirrored=turned,
        )


def choose_strength(features: Features, dataset: Dataset, display: Display) -> Probe:
    """Try heads of several strengths on the training images; validation images judge them."""
    balanced = is_imbalanced(dataset)
    with display.bar("fitting the head", len(STRENGTHS)) as advance:
        return _fit_probe(features, dataset, balanced=balanced, advance=advance)


def _fit_probe(
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


def _describe_trials(probe: Probe) -> tuple[str, ...]:
    return tuple(
        f"probe with strength {trial.strength:.2g}: {100 * trial.accuracy:.1f} % of the validation "
        f"images right, loss {trial.nll:.3f}" + (" (kept)" if trial is probe.chosen else "")
        for trial in probe.trials
    )
