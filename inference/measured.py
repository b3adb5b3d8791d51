"""What a manifest says was measured: metrics by split and class, shares of answers, OOD detection."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownMeasure:
    """How well the rejection score tells images of the classes from others.

    Attributes:
        against: images of a folder `_unknown`; or classes that a probe on the pretrained backbone
            was not told of, each left out in turn.
        images: how many such images there were.
        auroc: chance that an image of a known class scores higher than one of those, 0..1.
        fpr95: share of those accepted where 95 % of the known images are, 0..1.
    """

    against: Literal["unknown images", "classes left out"]
    images: int
    auroc: float
    fpr95: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMetrics:
    """Of one class, each 0..1, over `images` images that truly are of it.

    Intervals hold 95 % (Wilson), and are null where there was nothing to count.
    """

    precision: float
    recall: float
    f1: float
    images: int
    precision_interval: tuple[float, float] | None = None
    recall_interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitMetrics:
    """Of one split. Shares are 0..1; `nll` is in nats; `brier` is 0..2.

    `ece` is the gap between confidence and truth, over up to 15 bins of as many images each.
    Intervals hold 95 %: Wilson's for shares of images, a bootstrap for averages over classes (null
    where every answer is right). What has a default is missing in manifests of earlier versions.
    """

    images: int
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    nll: float
    ece: float
    top5: float | None
    per_class: Mapping[str, ClassMetrics]
    brier: float | None = None
    accuracy_interval: tuple[float, float] | None = None
    balanced_accuracy_interval: tuple[float, float] | None = None
    macro_f1_interval: tuple[float, float] | None = None
    top5_interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """`val` chose the model; `test` (null where there are no test images) was read once.

    `validation` says whether `val` was one held-out set, or every image predicted by a model that was
    fitted on the other folds; `val_accuracy_spread` is then the standard deviation over the folds.
    """

    validation: Literal["held out", "cross-validated"]
    val_accuracy_spread: float | None
    val: SplitMetrics
    test: SplitMetrics | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerShares:
    """What answers look like as a whole: on validation images, to compare those in service with.

    Attributes:
        images: how many were answered.
        rejected: share of them that was rejected, 0..1.
        top_probability: mean of the probability of the most probable label, 0..1.
        labels: share of the answers by label, 0..1; a label that none had may be missing.
    """

    images: int
    rejected: float
    top_probability: float
    labels: Mapping[str, float]
