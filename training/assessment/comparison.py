"""Published models held against each other on the same images, by tests for pairs."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from scipy.special import bdtr

from inference.measured import SplitMetrics
from training.assessment.bootstrap import difference_interval
from training.assessment.intervals import Interval
from training.assessment.labelled_predictions import LabelledPredictions
from training.runtime.arrays import Flags

# Below it, a difference is taken for more than chance.
SIGNIFICANT: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How one model does against another, the reference, on the same images.

    Attributes:
        only_this, only_reference: images that only the one has right.
        accuracy: the difference of the accuracies, -1..1; positive where this one is better.
        interval: 95 % bootstrap interval of that, or None where no image tells the two apart.
        p_value: chance of a difference at least as large between equally good models: exact McNemar
            test, adjusted for the number of comparisons (Holm).
    """

    only_this: int
    only_reference: int
    accuracy: float
    interval: Interval | None
    p_value: float

    @property
    def verdict(self) -> str:
        """What the test shows, in two words."""
        if self.p_value >= SIGNIFICANT:
            return "no difference shown"
        return "better" if self.accuracy > 0 else "worse"

    def describe(self) -> str:
        """Return such as "+2.0 points (+0.4 to +3.7), p 0.021: better"."""
        spread = ""
        if self.interval is not None:
            spread = f" ({100 * self.interval[0]:+z.1f} to {100 * self.interval[1]:+z.1f})"
        return f"{100 * self.accuracy:+z.1f} points{spread}, p {self.p_value:.3f}: {self.verdict}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Disagreement:
    """An image that the models name differently: the answer of each, in order."""

    path: str
    truth: str
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedModel:
    """A model in a comparison. `seconds_per_image`: reading, decoding and running, in batches of 32."""

    name: str
    backbone: str
    answers: LabelledPredictions
    metrics: SplitMetrics
    seconds_per_image: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Models on the same images of folder `data`; `differences` are of all but the first to it."""

    data: str
    models: Sequence[ComparedModel]
    differences: Sequence[Difference]
    disagreements: Sequence[Disagreement]

    def rows(self) -> list[tuple[ComparedModel, Difference | None]]:
        """Return each model with its difference to the first, which has none."""
        return list(zip(self.models, (None, *self.differences), strict=True))

    def to_json(self) -> dict[str, Any]:
        """Return all figures as plain values; dataclasses are left to `to_json`."""
        return {
            "data": self.data,
            "models": [
                {
                    "name": model.name,
                    "backbone": model.backbone,
                    "metrics": model.metrics,
                    "seconds_per_image": model.seconds_per_image,
                    "difference": difference,
                }
                for model, difference in self.rows()
            ],
            "disagreements": self.disagreements,
        }


def compare_all(right: Sequence[Flags]) -> list[Difference]:
    """Compare each but the first with the first; each (N,) says which images a model has right."""
    reference, *others = right
    found = [_compare(this, reference) for this in others]
    adjusted = holm([difference.p_value for difference in found])
    return [replace(d, p_value=p) for d, p in zip(found, adjusted, strict=True)]


def mcnemar(only_this: int, only_reference: int) -> float:
    """Return the two-sided exact p-value, 0..1, of the images that only one of two models has right.

    McNemar 1947; exact by the binomial distribution: of equally good models, either has half of them.
    """
    discordant = only_this + only_reference
    fewer = min(only_this, only_reference)
    return min(1.0, 2 * float(bdtr(fewer, discordant, 0.5))) if discordant else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number, so that any false alarm stays as rare as one.

    Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    adjusted, largest = list(p_values), 0.0
    for rank, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def disagreements(models: Sequence[LabelledPredictions]) -> list[Disagreement]:
    """Return the images that not all models name alike; those that the fewest have right first.

    All have answered for the same images, in the same order; their labels may be ordered otherwise.
    """
    named = [[m.labels[guess] for guess in m.guesses] for m in models]
    first = models[0]
    found = [
        Disagreement(path=path, truth=first.labels[target], answers=answers)
        for path, target, answers in zip(
            first.paths, first.targets, zip(*named, strict=True), strict=True
        )
        if len(set(answers)) > 1
    ]
    return sorted(found, key=lambda d: sum(answer == d.truth for answer in d.answers))


def _compare(this: Flags, reference: Flags) -> Difference:
    only_this, only_reference = int((this & ~reference).sum()), int((reference & ~this).sum())
    return Difference(
        only_this=only_this,
        only_reference=only_reference,
        accuracy=(only_this - only_reference) / len(this),
        interval=difference_interval(only_this, only_reference, len(this)),
        p_value=mcnemar(only_this, only_reference),
    )
