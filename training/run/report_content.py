"""A run's own account of itself, for its report."""

from collections.abc import Mapping, Sequence

from training.assessment.answers import LabelledPredictions
from training.assessment.calibration import CalibrationEffect
from training.candidates.candidate import Candidate
from training.data.layout import Split
from training.precisions.outcome import PrecisionOutcome
from training.report.performance import EvaluatedOn
from training.report.training_report import Report, Stage
from training.run.prepare import PreparedData
from training.runtime.arrays import Floats
from training.runtime.progress import Display


def make_report(
    chosen: Candidate,
    tried: list[Candidate],
    prepared: PreparedData,
    display: Display,
    *,
    probabilities: Mapping[Split, Floats],
    calibration: Mapping[Split, CalibrationEffect],
    precisions: Sequence[PrecisionOutcome] = (),
) -> Report:
    """Return what the page shows: of the test images where there are any, else of validation images.

    Args:
        chosen: what is published.
        tried: everything that was made, the chosen one among it.
        prepared: the folder and what was found in it.
        display: has timed the stages.
        probabilities: (N, K) by split, calibrated.
        calibration: what the temperature changed, by split.
        precisions: what became of smaller files.
    """
    dataset, audit = chosen.dataset, prepared.audit
    split: Split = "test" if "test" in probabilities else "val"
    held_out: EvaluatedOn = "cross-validated" if chosen.cross_validated else "validation"
    out_of_fold = chosen.out_of_fold()
    images = dataset.splits["test"] if split == "test" else out_of_fold.images
    return Report(
        answers=LabelledPredictions(
            labels=dataset.labels,
            probabilities=probabilities[split],
            targets=dataset.targets("test") if split == "test" else out_of_fold.targets,
            paths=tuple(prepared.scan.folder.relative(image.file) for image in images),
        ),
        kind="test" if split == "test" else held_out,
        calibration=calibration[split],
        pixels_of=lambda index: dataset.pixels[images[index].row],
        history=next((c.history for c in (chosen, *tried) if c.history), ()),
        tried=[note for c in tried for note in (*c.notes, c.describe())],
        reason=explain_choice(chosen, tried),
        findings=audit.findings,
        suspects=[audit.path(suspect.row) for suspect in audit.suspects],
        left_out=prepared.left_out(),
        stages=[Stage(name=name, seconds=s) for name, s in display.stage_seconds.items()],
        precisions=precisions,
    )


def explain_choice(chosen: Candidate, tried: list[Candidate]) -> str:
    """Return one sentence on why this one is published."""
    # The chosen one may have been given embeddings since, so it need not be the same object.
    others = [candidate for candidate in tried if candidate.val_logits is not chosen.val_logits]
    if not others:
        return f"Published is the {chosen.method}, the only model that was made."
    best = max(others, key=lambda other: other.accuracy)
    # With folds, their accuracies are of different images.
    same_images = chosen.dataset is best.dataset
    if same_images and chosen.accuracy > best.accuracy:
        because = f"it has more of the validation images right than the {best.method}"
    elif same_images and chosen.accuracy == best.accuracy:
        because = f"it has as many validation images right as the {best.method}, at a lower loss"
    else:
        because = (
            f"where both were judged by the same images, the {best.method} was not clearly better"
        )
    return f"Published is the {chosen.method}: {because}."
