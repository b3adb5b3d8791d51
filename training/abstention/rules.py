"""When a prediction should not be relied on: the rejection rule, prediction sets, and a test of both."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from scipy.special import softmax

from inference.manifest import Conformal, Rejection
from training.abstention.ood_detector import OodDetector, choose_rejection, score_test_images
from training.abstention.prediction_sets import fit_conformal, measure_sets
from training.config import FinetuneConfig
from training.data.folder import Split
from training.data.scan import Scan
from training.runtime.arrays import Floats
from training.runtime.progress import Display

_AGAINST: Final = {"unknown images": "_unknown", "classes left out": "leave-one-class-out"}


@dataclass(frozen=True, slots=True, kw_only=True)
class AbstentionRules:
    """Both rules, chosen on validation images; `tested` is what test images say of them."""

    rejection: Rejection
    conformal: Conformal | None
    tested: dict[str, Any]


def choose_abstention_rules(
    detector: OodDetector,
    unknown_images: Scan,
    pretrained: Floats | None,
    config: FinetuneConfig,
    display: Display,
    *,
    temperature: float,
    served: Mapping[Split, Floats],
) -> AbstentionRules:
    """Choose the rules for a model.

    Args:
        detector: the model and its OOD score.
        unknown_images: the images of `_unknown`, perhaps none.
        pretrained: (N, D) embeddings by the pretrained backbone, None without one.
        config, display: of the run.
        temperature: that divides the logits.
        served: the exported file's probabilities, (N, K) by split.
    """
    rejection = choose_rejection(detector, unknown_images, pretrained, display, seed=config.seed)
    _describe(rejection, display)
    conformal = _fit_conformal(detector, config, temperature=temperature)
    tested = _test(detector, rejection, conformal, served)
    return AbstentionRules(rejection=rejection, conformal=conformal, tested=tested)


def _fit_conformal(
    detector: OodDetector, config: FinetuneConfig, *, temperature: float
) -> Conformal | None:
    if config.coverage is None:
        return None
    out_of_fold = detector.candidate.out_of_fold()
    probabilities = softmax(out_of_fold.logits / temperature, axis=1)
    return fit_conformal(probabilities, out_of_fold.targets, coverage=config.coverage)


def _test(
    detector: OodDetector,
    rejection: Rejection,
    conformal: Conformal | None,
    served: Mapping[Split, Floats],
) -> dict[str, Any]:
    """Return the share of test images that is rejected, and how good their sets are."""
    scores = score_test_images(detector)
    rejected = None if scores is None else float((scores < rejection.threshold).mean())
    sets = {}
    if conformal is not None and "test" in served:
        dataset = detector.candidate.dataset
        counted = dataset.counted("test")
        targets = dataset.targets("test")[counted]
        sets["test"] = measure_sets(served["test"][counted], targets, conformal)
    return {"rejected": {"test": rejected}, "sets": sets}


def _describe(rejection: Rejection, display: Display) -> None:
    found = rejection.measured
    if found is not None:
        display.line(
            f"OOD detection, {_AGAINST[found.against]}, {found.images} images: AUROC {found.auroc:.3f}, "
            f"FPR at 95 % TPR {100 * found.fpr95:.0f} % (where 5 % of the known images are rejected, "
            f"{100 * found.fpr95:.0f} % of the unknown ones are not)"
        )
