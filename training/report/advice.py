"""What to do next to make the model better, each piece with the evidence that it rests on."""

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from inference.measured import SplitMetrics
from training.assessment.confused_classes import ConfusedPair
from training.assessment.intervals import Z_95
from training.assessment.validation_record import ValidationRecord

_MOST_PIECES: Final = 6
_MOST_CLASSES: Final = 3
# Behind the average by less, a class is none to work on first.
_WEAK_BY: Final = 0.05
_MOST_PAIRS: Final = 2
_FEWEST_MISTAKES: Final = 3
# Of all mistakes: a pair below it is one of many.
_PAIR_SHARE: Final = 0.1
# An accuracy known less exactly than this, to either side, is worth a word; and the aim.
_VAGUE: Final = 0.05
_EXACT: Final = 0.03
_MISCALIBRATED: Final = 0.03
_GOOD_ENOUGH: Final = 0.97
_OVERFITTED_LOSS: Final = 1.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do, and what was seen that speaks for it."""

    action: str
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What advice rests on.

    Attributes:
        kind: what the evaluated images are called, such as "test".
        metrics: on these images.
        largest_share: share of these images that are of the largest class.
        confidence: mean of the predictions, 0..1.
        pairs: the classes taken for each other, the most mistaken first.
        training_images: by label; empty where nothing is known of the training.
        suspects: how many possible label errors the audit found.
        head_only: whether nothing but a head on frozen features was tried.
        history: the epochs of the training, where there were any.
    """

    kind: str
    metrics: SplitMetrics
    largest_share: float
    confidence: float
    pairs: Sequence[ConfusedPair]
    training_images: Mapping[str, int]
    suspects: int
    head_only: bool
    history: Sequence[ValidationRecord]


def advise(evidence: Evidence) -> list[Advice]:
    """Return at most six pieces, the most useful first; none where nothing stands out."""
    every = (
        *_not_better_than_guessing(evidence),
        *_possible_label_errors(evidence),
        *_weak_classes(evidence),
        *_confused_pairs(evidence),
        *_training(evidence),
        *_confidence(evidence),
        *_too_few_images(evidence),
    )
    return list(every[:_MOST_PIECES])


def _not_better_than_guessing(evidence: Evidence) -> Iterator[Advice]:
    metrics, interval = evidence.metrics, evidence.metrics.accuracy_interval
    only_class = evidence.largest_share == 1  # nothing to tell it from: naming it is always right
    if interval is None or only_class or interval[0] > evidence.largest_share:
        return
    seen = (
        f"The accuracy may be as low as {_percent(interval[0])}; always naming the largest class gives "
        f"{_percent(evidence.largest_share)}"
    )
    balanced = metrics.balanced_accuracy_interval
    num_present = sum(found.images > 0 for found in metrics.per_class.values())
    if balanced is not None and balanced[0] > 1 / num_present:
        yield Advice(
            action="Compare the classes one by one: the accuracy says little where one class is so large.",
            evidence=f"{seen}. Yet on average over the classes, {_percent(metrics.balanced_accuracy)} "
            "of the images were found, which is more than chance.",
        )
    else:
        yield Advice(
            action="Look at the folders first: nothing shows that the model learned what sets them apart.",
            evidence=f"{seen}.",
        )


def _possible_label_errors(evidence: Evidence) -> Iterator[Advice]:
    if evidence.suspects:
        one = evidence.suspects == 1
        yield Advice(
            action=f"Check the {evidence.suspects} possible label error{'' if one else 's'}.",
            evidence="Probes that were not trained on them predict another class; python -m training.audit "
            "shows each. A wrong label misleads training and is counted as a mistake.",
        )


def _weak_classes(evidence: Evidence) -> Iterator[Advice]:
    """Name classes that are found less often than the average by more than chance."""
    metrics, counts = evidence.metrics, evidence.training_images
    weak = [
        (label, found)
        for label, found in metrics.per_class.items()
        if found.recall_interval is not None
        and found.recall_interval[1] < metrics.accuracy
        and found.recall <= metrics.accuracy - _WEAK_BY
    ]
    typical = statistics.median(counts.values()) if counts else 0
    for label, found in sorted(weak, key=lambda pair: pair[1].recall)[:_MOST_CLASSES]:
        seen = (
            f"{_percent(found.recall)} of its {found.images} {evidence.kind} images were found, "
            f"against {_percent(metrics.accuracy)} of all"
        )
        if counts.get(label, 0) < typical:
            action = f"Add images of {label!r}."
            seen += f"; it had {counts[label]} to train on, a typical class {typical:.0f}"
        else:
            action = (
                f"Look through the images of {label!r}: are they all of one kind, and named right?"
            )
        yield Advice(action=action, evidence=f"{seen}.")


def _confused_pairs(evidence: Evidence) -> Iterator[Advice]:
    if len(evidence.metrics.per_class) == 2:  # every mistake is between the two
        return
    total = sum(pair.mistakes for pair in evidence.pairs)
    enough = max(_FEWEST_MISTAKES, _PAIR_SHARE * total)
    for pair in evidence.pairs[:_MOST_PAIRS]:
        if pair.mistakes >= enough:
            yield Advice(
                action=f"Add images that show how {pair.first!r} and {pair.second!r} differ, or join "
                "the two if they need not be told apart.",
                evidence=f"{pair.mistakes} of the {total} mistakes are between them: "
                f"{pair.first!r} was taken for {pair.second!r} {_times(pair.first_as_second)}, the "
                f"other way round {_times(pair.second_as_first)}.",
            )


def _training(evidence: Evidence) -> Iterator[Advice]:
    history, metrics = evidence.history, evidence.metrics
    if evidence.head_only and metrics.accuracy < _GOOD_ENOUGH:
        yield Advice(
            action="Train the whole network: --method finetune, or --time-budget 30m.",
            evidence="Only the classification head was trained; fine-tuning takes minutes on a GPU.",
        )
    if len(history) < 2:
        return
    best = min(history, key=lambda epoch: epoch.val_loss)
    last = history[-1]
    if best is last:
        yield Advice(
            action="Train longer: more --epochs or a larger --time-budget.",
            evidence=f"The validation loss was still falling in the last epoch ({last.epoch}).",
        )
    elif last.val_loss > _OVERFITTED_LOSS * best.val_loss and last.train_loss < best.train_loss:
        yield Advice(
            action="More epochs will not help; more or more varied images will.",
            evidence=f"The validation loss rose from {best.val_loss:.2f} after epoch {best.epoch} to "
            f"{last.val_loss:.2f} while the training loss fell: the model overfits.",
        )


def _confidence(evidence: Evidence) -> Iterator[Advice]:
    interval, gap = (
        evidence.metrics.accuracy_interval,
        abs(evidence.confidence - evidence.metrics.accuracy),
    )
    if interval is None or interval[0] <= evidence.confidence <= interval[1]:
        return
    if gap < _MISCALIBRATED:
        return
    seen = (
        f"On average it says {_percent(evidence.confidence)} and is right in "
        f"{_percent(evidence.metrics.accuracy)}"
    )
    if evidence.confidence > evidence.metrics.accuracy:
        yield Advice(
            action="Do not take its probabilities at their word: it is too sure of itself.",
            evidence=f"{seen}. More validation images, or some that are more like these, mend that.",
        )
    else:
        yield Advice(
            action="Its probabilities may be read as careful: it is right more often than it says.",
            evidence=f"{seen}.",
        )


def _too_few_images(evidence: Evidence) -> Iterator[Advice]:
    metrics = evidence.metrics
    if metrics.accuracy_interval is None:
        return
    low, high = metrics.accuracy_interval
    if (high - low) / 2 > _VAGUE:
        yield Advice(
            action=f"Use more test images: about {_images_for(metrics.accuracy, _EXACT):,}.",
            evidence=f"{metrics.images} {evidence.kind} images give the accuracy to about "
            f"± {100 * (high - low) / 2:.0f} points; that many would give ± {100 * _EXACT:.0f}.",
        )


def _images_for(accuracy: float, half_width: float) -> int:
    """Return the images that a 95 % interval of this half width takes, in two digits."""
    share = min(max(accuracy, _VAGUE), 1 - _VAGUE)
    needed = share * (1 - share) * (Z_95 / half_width) ** 2
    unit = int(10 ** (math.floor(math.log10(needed)) - 1))
    return math.ceil(needed / unit) * unit


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
