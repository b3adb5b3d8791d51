"""Whether the answers of the last days look like those on validation images."""

from dataclasses import dataclass
from typing import Final, Literal

from inference.measured import AnswerShares
from service.collect.daily_sums import AnswerSums

# With fewer, chance alone moves the shares of the labels apart by more than a tenth.
_IMAGES_A_LABEL: Final = 20
# The rules for an alert, as in deploy/prometheus/graft-rules.yaml, which has them for an hour too.
ALERT_FROM_IMAGES: Final = 200
ALERT_REJECTED: Final = 0.10
ALERT_TOP_PROBABILITY: Final = 0.10
ALERT_LABEL_SHIFT: Final = 0.30

Alert = Literal["rejects_more", "less_sure", "other_labels"]


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

    def alerts(self) -> tuple[Alert, ...]:
        """Return what is further from validation than chance or a few odd images explain."""
        recent, validation = self.recent, self.validation
        if recent is None or validation is None or recent.images < ALERT_FROM_IMAGES:
            return ()
        found: dict[Alert, bool] = {
            "rejects_more": recent.rejected - validation.rejected > ALERT_REJECTED,
            "less_sure": validation.top_probability - recent.top_probability
            > ALERT_TOP_PROBABILITY,
            "other_labels": (self.label_shift or 0.0) > ALERT_LABEL_SHIFT,
        }
        return tuple(alert for alert, holds in found.items() if holds)


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
