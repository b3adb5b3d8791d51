"""How good the exported model is on validation and test images: metrics, confusion, calibration."""

from collections.abc import Mapping
from dataclasses import dataclass

from scipy.special import softmax

from inference.measured import Metrics, SplitMetrics
from training.assessment.calibration import CalibrationEffect, calibration_effect
from training.assessment.classification_metrics import confusion_matrix, describe_accuracy, measure
from training.data.folder import Split
from training.run.export_model import ExportedModel
from training.runtime.arrays import Floats, Integers
from training.runtime.progress import Display


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitResults:
    """Results by split; there is no "test" where there are no test images. Copies count once.

    Attributes:
        metrics: for the manifest.
        counted: which images of the split the rest is of, (N,).
        probabilities: (N, K), calibrated.
        confusion: counts (K, K), rows the truth.
        calibration: what the temperature changed.
    """

    metrics: Metrics
    counted: dict[Split, Integers]
    probabilities: dict[Split, Floats]
    confusion: dict[Split, Integers]
    calibration: dict[Split, CalibrationEffect]


def measure_splits(exported: ExportedModel) -> SplitResults:
    """Measure each split; the test images are read for the first time.

    With folds, the published head has seen the validation images: their logits are the out-of-fold
    predictions, of heads that had not.
    """
    candidate, temperature = exported.candidate, exported.temperature
    dataset = candidate.dataset
    every = {**exported.logits(), "val": candidate.val_logits}
    counted = {split: dataset.counted(split) for split in every}
    logits = {split: every[split][counted[split]] for split in every}
    targets = {split: dataset.targets(split)[counted[split]] for split in every}
    probabilities = {split: softmax(logits[split] / temperature, axis=1) for split in logits}
    found = {
        split: measure(probabilities[split], targets[split], dataset.labels) for split in logits
    }
    metrics = Metrics(
        validation="cross-validated" if candidate.cross_validated else "held out",
        val_accuracy_spread=candidate.spread,
        val=found["val"],
        test=found.get("test"),
    )
    return SplitResults(
        metrics=metrics,
        counted=counted,
        probabilities=probabilities,
        confusion={
            split: confusion_matrix(probabilities[split], targets[split], len(dataset.labels))
            for split in logits
        },
        calibration={
            split: calibration_effect(logits[split], targets[split], temperature=temperature)
            for split in logits
        },
    )


def print_metrics(metrics: Metrics, files: Mapping[Split, int], display: Display) -> None:
    """Print a line for each split; `files` are its images with the copies that do not count."""
    held_out = metrics.validation == "held out"
    _print_split(
        "validation" if held_out else "cross-validated", metrics.val, files["val"], display
    )
    if metrics.test is not None:
        _print_split("test", metrics.test, files["test"], display)


def _print_split(name: str, split: SplitMetrics, files: int, display: Display) -> None:
    more = files - split.images
    what = "copy or version counts" if more == 1 else "copies or versions count"
    photos = f" on {split.images:,} different photos ({more:,} {what} once)" if more else ""
    display.line(
        f"{describe_accuracy(split, name)}{photos}, balanced accuracy {100 * split.balanced_accuracy:.1f} %, "
        f"macro F1 {100 * split.macro_f1:.1f} %, calibration error (ECE) {100 * split.ece:.1f} %"
    )
