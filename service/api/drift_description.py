"""A version's answers of the last days beside those on validation images, as JSON."""

from typing import Final

from inference.measured import AnswerShares
from service import schemas
from service.collect.daily_sums import WINDOW_DAYS, DailySums
from service.collect.drift import find_drift
from service.repository.catalog import PublishedVersion

_NO_REFERENCE: Final = (
    "no reference: published before validation's answers were stored; train it again"
)


def describe_drift(sums: DailySums, published: PublishedVersion | None) -> schemas.Drift | None:
    """Describe it; None where there is no version, or none that can be read."""
    if published is None or published.manifest is None:
        return None
    found = find_drift(
        sums.recent(published.name, published.number),
        published.manifest.validation_answers,
        num_labels=len(published.manifest.labels),
    )
    return schemas.Drift(
        days=WINDOW_DAYS,
        recent=_shares(found.recent),
        validation=_shares(found.validation),
        label_shift=found.label_shift,
        problem=None if found.validation else _NO_REFERENCE,
    )


def _shares(shares: AnswerShares | None) -> schemas.AnswerShares | None:
    if shares is None:
        return None
    return schemas.AnswerShares(
        images=shares.images,
        rejected=shares.rejected,
        top_probability=shares.top_probability,
        labels={**shares.labels},
    )
