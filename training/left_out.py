"""How well unknown things are told from known ones, where no unknown images are at hand.

Classes are left out in turn: a probe that was not told of them is to tell their images from those of
its own classes. That is the hard case, for they are as near to the known classes as these are to each
other. Fine-tuned weights have seen all classes, so it is the pretrained ones that are asked.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from inference.manifest import UnknownMeasure
from training.familiarity import fit_familiarity
from training.probe import fit_head
from training.rejection import measure_unknown

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

# With more classes, several are left out at a time.
_MAX_ROUNDS: Final = 10
_MIN_CLASSES: Final = 3


def measure_left_out(
    embeddings: Floats,
    targets: Integers,
    val_embeddings: Floats,
    val_targets: Integers,
    *,
    strength: float,
) -> UnknownMeasure | None:
    """Measure the score against classes left out; None below three classes.

    Args:
        embeddings, targets: of training images, (M, D) and (M,).
        val_embeddings, val_targets: of held-out images, (N, D) and (N,).
        strength: the head's inverse L2 strength.

    Returns:
        The means over the rounds; `images` is the sum.
    """
    num_classes = int(targets.max()) + 1
    if num_classes < _MIN_CLASSES:
        return None
    rounds = []
    for left_out in _groups(num_classes):
        out, val_out = np.isin(targets, left_out), np.isin(val_targets, left_out)
        kept = np.unique(targets[~out], return_inverse=True)[1]
        head = fit_head(embeddings[~out], kept, strength=strength)
        known = val_embeddings[~val_out]
        familiarity, known_scores = fit_familiarity(
            embeddings[~out],
            kept,
            val_logits=head.logits(known),
            val_embeddings=known,
            folds=None,
            val_folds=None,
        )
        unknown = np.concatenate([embeddings[out], val_embeddings[val_out]])
        unknown_scores = familiarity.score(head.logits(unknown), unknown)
        rounds.append(
            measure_unknown("classes left out", known=known_scores, unknown=unknown_scores)
        )
    return UnknownMeasure(
        against="classes left out",
        images=sum(found.images for found in rounds),
        auroc=float(np.mean([found.auroc for found in rounds])),
        fpr95=float(np.mean([found.fpr95 for found in rounds])),
    )


def _groups(num_classes: int) -> Iterator[Integers]:
    """Yield the classes to leave out, each class once and never all but one."""
    num_rounds = min(_MAX_ROUNDS, num_classes)
    for start in range(num_rounds):
        yield np.arange(start, num_classes, num_rounds)
