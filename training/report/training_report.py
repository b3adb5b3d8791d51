"""What the page of a training run shows beyond the manifest."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.assessment.calibration import CalibrationEffect
from training.assessment.labelled_predictions import LabelledPredictions
from training.assessment.validation_record import ValidationRecord
from training.report.gallery import PixelsOf
from training.report.performance import EvaluatedOn

if TYPE_CHECKING:  # their modules import scikit-learn
    from training.data.finding import Finding
    from training.precisions.outcome import PrecisionOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A part of the run, and the wall time that it took."""

    name: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The content of the page.

    Attributes:
        answers: the predictions on test images, or on validation images where there are none.
        kind: which images these are.
        calibration: what the temperature changed on them.
        pixels_of: what the model saw of them.
        history: the epochs of what was trained, also where it was not kept; may be empty.
        tried: one line for each attempt.
        reason: why the published one was kept.
        findings: what the audit says of the folder.
        suspects: paths whose label the audit doubts.
        left_out: path and reason of each file that was set aside.
        stages: what took how long, in order.
        precisions: smaller files that were tried.
    """

    answers: LabelledPredictions
    kind: EvaluatedOn
    calibration: CalibrationEffect
    pixels_of: PixelsOf
    history: Sequence[ValidationRecord]
    tried: Sequence[str]
    reason: str
    findings: Sequence["Finding"]
    suspects: Sequence[str]
    left_out: Sequence[tuple[str, str]]
    stages: Sequence[Stage]
    precisions: Sequence["PrecisionOutcome"] = ()
