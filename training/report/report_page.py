"""The report of a training run: one HTML page that tells a person how good the model is."""

from typing import Any, Final

import jinja2

from inference.classifier import Classifier
from inference.manifest import Manifest
from inference.similar import SimilarIndex
from training.backbones.licences import licence_warning
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
        report: what the run has to tell.
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


def render(template: str, **context: Any) -> str:
    """Fill a template of this package; whatever is no `Markup` is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("training.report", "templates"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["percent"] = _percent
    environment.filters["interval"] = _interval
    return environment.get_template(template).render(**context)


def _percent(share: float, digits: int = 1) -> str:
    return f"{100 * share:.{digits}f}\N{NO-BREAK SPACE}%"


def _interval(interval: tuple[float, float] | None) -> str:
    if interval is None:
        return ""
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"


def _with_the_rest(report: Report, manifest: Manifest) -> list[Stage]:
    rest = manifest.training.seconds - sum(stage.seconds for stage in report.stages)
    return [*report.stages, Stage(name="everything else", seconds=max(rest, 0.0))]
