"""Whether the answers of the last days look like those on validation images."""

from dataclasses import dataclass
from typing import Final

from inference.manifest import AnswerShares
from service.collect.daily_sums import AnswerSums

# With fewer, chance alone moves the shares of the labels apart by more than a tenth.
_IMAGES_A_LABEL: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """The answers of the last days beside those on validation images.

    Attributes:
        recent: None where nothing was answered.
        validation: None for packages that were published before it was stored.
        label_shift: half the sum of the differences of the labels' shares (the total variation
            distance), 0 to 1; None where there are fewer than 20 answers a label, or no `validation`.
    """

    recent: AnswerShares | None
    validation: AnswerShares | None
    label_shift: float | None


def find_drift(recent: AnswerSums, validation: AnswerShares | None, *, num_labels: int) -> Drift:
    """Compare the sums of a version of `num_labels` labels with its validation."""
    shares = recent.shares()
    shift = None
    if validation is not None and shares and shares.images >= _IMAGES_A_LABEL * num_labels:
        shift = _label_shift(shares, validation)
    return Drift(recent=shares, validation=validation, label_shift=shift)


def _label_shift(one: AnswerShares, other: AnswerShares) -> float:
    labels = one.labels.keys() | other.labels.keys()
    return sum(abs(one.labels.get(x, 0.0) - other.labels.get(x, 0.0)) for x in labels) / 2
