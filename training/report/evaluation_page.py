"""An evaluation as a page: the same figures as in a training run's report, of another folder."""

from inference.classifier import Classifier
from inference.decoding import OWN_FILES_LIMITS, DecodeLimits
from training.assessment.evaluation import Evaluation
from training.assessment.file_predictions import read_pixels
from training.audit.counted_images import CountedImages
from training.pages.templating import render
from training.report.gallery import make_gallery
from training.report.performance import assess


def render_evaluation(
    evaluation: Evaluation,
    classifier: Classifier,
    counted: CountedImages,
    *,
    limits: DecodeLimits = OWN_FILES_LIMITS,
) -> str:
    """Return the page as HTML; labels and file names are escaped. Images are within `limits`.

    Raises:
        ImageError, OSError: an image can no longer be read.
    """
    manifest, files = evaluation.manifest, evaluation.answered.files
    gallery = make_gallery(
        evaluation.answers,
        classifier,
        lambda index: read_pixels(classifier, files[index], limits),
    )
    performance = assess(
        evaluation.answers,
        evaluation.metrics,
        evaluation.calibration,
        gallery,
        kind="given",
        training_images=manifest.dataset.counts["train"],
    )
    return render(
        "training.report",
        "evaluation.html.j2",
        manifest=manifest,
        performance=performance,
        evaluation=evaluation,
        counted=counted,
        own=manifest.metrics.test or manifest.metrics.val,
        name=evaluation.folder.root.resolve().name,
    )
