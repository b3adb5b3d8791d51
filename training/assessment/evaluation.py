"""A published model evaluated on a folder of images whose classes are known."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from inference.classifier import Classifier
from inference.decoding import OWN_FILES_LIMITS, DecodeLimits
from inference.manifest import Manifest
from inference.measured import SplitMetrics
from training.assessment.calibration import CalibrationEffect, calibration_effect
from training.assessment.classification_metrics import confusion_matrix, measure
from training.assessment.file_predictions import FilePredictions, predict_files
from training.assessment.labelled_predictions import LabelledPredictions
from training.data.folder import Folder
from training.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What was found.

    Attributes:
        manifest: of the model.
        folder: what it was evaluated on.
        answered: the files of known class, as the model sees them.
        answers, metrics, calibration: the same in figures.
        unknown: the files of `_unknown`, or None where there are none.
    """

    manifest: Manifest
    folder: Folder
    answered: FilePredictions
    answers: LabelledPredictions
    metrics: SplitMetrics
    calibration: CalibrationEffect
    unknown: FilePredictions | None

    @property
    def missing_classes(self) -> list[str]:
        """The classes that the model knows and the folder lacks."""
        return [label for label, c in self.metrics.per_class.items() if c.images == 0]

    @property
    def left_out(self) -> list[tuple[str, str]]:
        """Path and reason of each file that cannot be read."""
        unknown = () if self.unknown is None else self.unknown.left_out
        return [(self.folder.relative(f), why) for f, why in (*self.answered.left_out, *unknown)]

    def to_json(self) -> dict[str, Any]:
        """Return all figures and every mistake as plain values; dataclasses are left to `to_json`."""
        answers, labels = self.answers, self.answers.labels
        counts = confusion_matrix(answers.probabilities, answers.targets, len(labels))
        return {
            "model": {"name": self.manifest.name, "version": self.manifest.version},
            "data": self.folder.root.resolve().name,
            "metrics": self.metrics,
            "calibration": self.calibration,
            "labels": labels,
            "confusion": counts.tolist(),
            "missing_classes": self.missing_classes,
            "rejected": {
                "known": float(self.answered.rejected.mean()),
                "unknown": None if self.unknown is None else float(self.unknown.rejected.mean()),
                "unknown_images": 0 if self.unknown is None else len(self.unknown.files),
            },
            "seconds_per_image": self.answered.seconds / len(answers),
            "mistakes": [
                {
                    "path": answers.paths[i],
                    "label": labels[answers.targets[i]],
                    "answer": labels[answers.guesses[i]],
                    "probability": round(float(answers.confidence[i]), 4),
                }
                for i in np.flatnonzero(~answers.right)
            ],
            "left_out": [{"path": path, "reason": why} for path, why in self.left_out],
        }


def evaluate(
    classifier: Classifier,
    folder: Folder,
    *,
    limits: DecodeLimits = OWN_FILES_LIMITS,
    advance: Callable[[int], None] = lambda _: None,
) -> Evaluation:
    """Evaluate a model on a folder that `open_known_folder` read for its labels.

    Images over `limits` are left out.

    Raises:
        DataError: no image of a known class can be read.
        SessionError: the model fails.
    """
    manifest = classifier.manifest
    answered = predict_files(classifier, folder.files, limits=limits, advance=advance)
    if not answered.files:
        raise DataError(
            f"no image of {str(folder.root)!r} can be read; there is nothing to evaluate on"
        )
    unknown = predict_files(classifier, folder.unknown, limits=limits, advance=advance)
    place = {label: index for index, label in enumerate(manifest.labels)}
    targets = np.array([place[file.label] for file in answered.files], dtype=np.int64)
    return Evaluation(
        manifest=manifest,
        folder=folder,
        answered=answered,
        answers=LabelledPredictions(
            labels=manifest.labels,
            probabilities=answered.probabilities,
            targets=targets,
            paths=tuple(map(folder.relative, answered.files)),
        ),
        metrics=measure(answered.probabilities, targets, manifest.labels),
        calibration=calibration_effect(
            answered.logits, targets, temperature=manifest.calibration.temperature
        ),
        unknown=unknown if unknown.files else None,
    )
