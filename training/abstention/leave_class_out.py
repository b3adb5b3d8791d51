"""Leave-class-out evaluation of the OOD score, where no unknown images are at hand.

Classes are left out in turn: a probe that was not trained on them has to tell their images from those of
its own classes. That is the hard case, for they are as near to the known classes as these are to each
other. Fine-tuned weights have seen all classes, so it is the pretrained ones that are asked.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from inference.measured import UnknownMeasure
from training.ood.score import fit_ood_score, held_out_cosines
from training.ood.threshold import measure_unknown
from training.probing.probe import fit_head
from training.runtime.arrays import Floats, Integers

# With more classes, several are left out at a time.
_MAX_ROUNDS: Final = 10
_MIN_CLASSES: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledEmbeddings:
    """Embeddings (N, D) and class indices (N,)."""

    embeddings: Floats
    targets: Integers

    def of(self, classes: Integers) -> Floats:
        """Return the embeddings of some classes."""
        return self.embeddings[np.isin(self.targets, classes)]

    def without(self, classes: Integers) -> "LabelledEmbeddings":
        """Return the images of all other classes, which are numbered anew."""
        kept = ~np.isin(self.targets, classes)
        renumbered = np.unique(self.targets[kept], return_inverse=True)[1]
        return LabelledEmbeddings(embeddings=self.embeddings[kept], targets=renumbered)


def measure_leave_class_out(
    train: LabelledEmbeddings, val: LabelledEmbeddings, test: LabelledEmbeddings, *, C: float
) -> UnknownMeasure | None:
    """Measure the score against classes left out; None below three classes.

    Args:
        train: what the probes are fitted on.
        val: what the score is standardised by.
        test: the known images, against all images of the classes left out; may be `val`.
        C: the head's inverse L2 regularisation strength.

    Returns:
        The means over the rounds; `images` is the sum.
    """
    num_classes = int(train.targets.max()) + 1
    if num_classes < _MIN_CLASSES:
        return None
    with threadpool_limits(1):  # on small matrices a second thread mostly waits for the first
        rounds = [
            _measure_round(left_out, train, val, test, C=C) for left_out in _groups(num_classes)
        ]
    return UnknownMeasure(
        against="classes left out",
        images=sum(found.images for found in rounds),
        auroc=float(np.mean([found.auroc for found in rounds])),
        fpr95=float(np.mean([found.fpr95 for found in rounds])),
    )


def _measure_round(
    left_out: Integers,
    train: LabelledEmbeddings,
    val: LabelledEmbeddings,
    test: LabelledEmbeddings,
    *,
    C: float,
) -> UnknownMeasure:
    kept, kept_val = train.without(left_out), val.without(left_out)
    head = fit_head(kept.embeddings, kept.targets, C=C)
    ood_score, _ = fit_ood_score(
        kept.embeddings,
        kept.targets,
        val_logits=head.logits(kept_val.embeddings),
        val_cosines=held_out_cosines(kept.embeddings, kept.targets, kept_val.embeddings),
    )
    known = test.without(left_out).embeddings
    parts = [train, val] if test is val else [train, val, test]
    unknown = np.concatenate([part.of(left_out) for part in parts])
    return measure_unknown(
        "classes left out",
        known=ood_score.score(head.logits(known), known),
        unknown=ood_score.score(head.logits(unknown), unknown),
    )


def _groups(num_classes: int) -> Iterator[Integers]:
    """Yield the classes to leave out, each class once and never all but one."""
    num_rounds = min(_MAX_ROUNDS, num_classes)
    for start in range(num_rounds):
        yield np.arange(start, num_classes, num_rounds)
