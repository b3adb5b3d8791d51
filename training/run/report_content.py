"""What the report of a run shows, gathered from its stages."""

from training.assessment.labelled_predictions import LabelledPredictions
from training.candidates.selection import Selection
from training.data.folder import Split
from training.report.performance import EvaluatedOn
from training.report.training_report import Report, Stage
from training.run.measure import MeasuredModel
from training.run.prepare import PreparedData
from training.runtime.stage_durations import StageDurations


def make_report(
    selection: Selection, prepared: PreparedData, measured: MeasuredModel, times: StageDurations
) -> Report:
    """Return what the page shows: of the test images where there are any, else of validation images."""
    chosen, results, audit = selection.chosen, measured.results, prepared.audit
    dataset = chosen.dataset
    split: Split = "test" if "test" in results.probabilities else "val"
    held_out: EvaluatedOn = "cross-validated" if chosen.cross_validated else "validation"
    images = [dataset.splits[split][index] for index in results.counted[split]]
    return Report(
        answers=LabelledPredictions(
            labels=dataset.labels,
            probabilities=results.probabilities[split],
            targets=dataset.targets(split)[results.counted[split]],
            paths=tuple(prepared.scan.folder.relative(image.file) for image in images),
        ),
        kind="test" if split == "test" else held_out,
        calibration=results.calibration[split],
        pixels_of=lambda index: dataset.pixels[images[index].row],
        history=next((c.history for c in (chosen, *selection.tried) if c.history), ()),
        tried=[*prepared.fit_notes]
        + [note for c in selection.tried for note in (*c.notes, c.describe())],
        reason=selection.reason,
        findings=audit.findings,
        suspects=[audit.path(suspect.row) for suspect in audit.suspects],
        left_out=prepared.skipped_files(),
        stages=[Stage(name=name, seconds=s) for name, s in times.seconds.items()],
        precisions=measured.precisions.outcomes,
    )
