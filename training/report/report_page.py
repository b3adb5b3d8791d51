"""The report of a training run: one HTML page that shows how good the model is."""

from typing import Final

from inference.classifier import Classifier
from inference.manifest import Manifest
from inference.similar import SimilarIndex
from training.backbones.licences import licence_warning
from training.pages.templating import render
from training.report.figures.training_curves import draw_accuracies, draw_losses
from training.report.gallery import make_gallery
from training.report.people import looks_like_people
from training.report.performance import assess
from training.report.training_report import Report, Stage

_SHOWN_FILES: Final = 100


def render_report(
    report: Report,
    manifest: Manifest,
    classifier: Classifier,
    *,
    similar: SimilarIndex | None = None,
) -> str:
    """Return the page as HTML; labels and file names are escaped.

    Args:
        report: the content.
        manifest: of the published model.
        classifier: the published file, for its activation maps.
        similar: the training images, to name those that are most like the mistakes.
    """
    metrics = manifest.metrics.test if report.kind == "test" else manifest.metrics.val
    assert metrics is not None
    performance = assess(
        report.answers,
        metrics,
        report.calibration,
        make_gallery(
            report.answers,
            classifier,
            report.pixels_of,
            suspects=report.suspects,
            similar=similar,
        ),
        kind=report.kind,
        training_images=manifest.dataset.counts["train"],
        suspects=len(report.suspects),
        head_only=manifest.training.method == "probe" and not report.history,
        history=report.history,
    )
    return render(
        "training.report",
        "report.html.j2",
        manifest=manifest,
        performance=performance,
        curves=[draw(report.history) for draw in (draw_losses, draw_accuracies) if report.history],
        history=report.history,
        tried=report.tried,
        reason=report.reason,
        findings=report.findings,
        licence_warning=licence_warning(manifest.backbone),
        left_out=report.left_out[:_SHOWN_FILES],
        more_left_out=max(len(report.left_out) - _SHOWN_FILES, 0),
        precisions=report.precisions,
        stages=_with_the_rest(report, manifest),
        people=looks_like_people(str(manifest.training.config.get("data", "")), manifest.labels),
    )


def _with_the_rest(report: Report, manifest: Manifest) -> list[Stage]:
    rest = manifest.training.seconds - sum(stage.seconds for stage in report.stages)
    return [*report.stages, Stage(name="everything else", seconds=max(rest, 0.0))]
