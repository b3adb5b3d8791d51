"""Which images are kept: `GRAFT_KEEP`, such as `rejected,uncertain:0.6,sample:0.01`."""

from dataclasses import dataclass
from typing import Final, Literal

from inference import Prediction

Reason = Literal["rejected", "uncertain", "sample"]

_EXAMPLE: Final = "such as rejected,uncertain:0.6,sample:0.01"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepPolicy:
    """What makes an image worth keeping. The default keeps none.

    Attributes:
        rejected: whether those that are unlike the training images are kept.
        uncertain_below: those whose label is less probable than this, 0..1.
        sample: this share of all, 0..1, chosen at random.
    """

    rejected: bool = False
    uncertain_below: float = 0.0
    sample: float = 0.0

    @property
    def keeps_any(self) -> bool:
        """Whether there is anything to keep."""
        return self.rejected or self.uncertain_below > 0 or self.sample > 0

    def reasons(self, prediction: Prediction, draw: float) -> tuple[Reason, ...]:
        """Return why an image is kept, nothing where it is not; `draw` is random, 0 to below 1."""
        found: list[Reason] = []
        if self.rejected and prediction.rejected:
            found.append("rejected")
        if prediction.probability < self.uncertain_below:
            found.append("uncertain")
        if draw < self.sample:
            found.append("sample")
        return tuple(found)


def parse_keep(text: str) -> KeepPolicy:
    """Read the setting; an empty one keeps nothing.

    Raises:
        ValueError: it is not of that form; the message says which part.
    """
    values: dict[str, float] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, colon, number = part.partition(":")
        if name in values:
            raise ValueError(f"{name!r} is named twice")
        values[name] = _value(part, name, number if colon else None)
    return KeepPolicy(
        rejected="rejected" in values,
        uncertain_below=values.get("uncertain", 0.0),
        sample=values.get("sample", 0.0),
    )


def _value(part: str, name: str, number: str | None) -> float:
    if name == "rejected" and number is None:
        return 1.0
    if name not in ("uncertain", "sample") or number is None:
        raise ValueError(
            f"{part[:40]!r} is none of rejected, uncertain:PROBABILITY and sample:SHARE; {_EXAMPLE}"
        )
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    if not 0 < value <= 1:
        raise ValueError(f"{part[:40]!r}: the number must be above 0 and at most 1; {_EXAMPLE}")
    return value
