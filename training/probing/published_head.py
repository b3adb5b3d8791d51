"""The head that is published: fitted again, with the chosen C, on all images that it may see."""

import numpy as np

from training.data.split import Dataset
from training.networks.linear_head import LinearHead
from training.probing.probe import fit_head, fit_head_on_parts
from training.runtime.arrays import Floats, Integers


def head_images(dataset: Dataset) -> tuple[Integers, Integers]:
    """Return the rows and the classes, both (M,), of the images that the published head may see.

    Validation images are among them where the split was made here and did not come with the folder.
    """
    rows, targets = dataset.rows("train"), dataset.targets("train")
    if dataset.folds is not None or dataset.given_val:
        return rows, targets
    return (
        np.concatenate([rows, dataset.rows("val")]),
        np.concatenate([targets, dataset.targets("val")]),
    )


def fit_published_head(
    embeddings: Floats,
    targets: Integers,
    *,
    C: float,
    balanced: bool,
    flipped: Floats | None = None,
) -> LinearHead:
    """Fit the head.

    Args:
        embeddings: (M, D), those of `head_images`.
        targets: their classes, (M,).
        C: the inverse L2 regularisation strength that was chosen on validation images.
        balanced: weigh the classes by the inverse of their size.
        flipped: embeddings (M, D) of the horizontally flipped images, where these keep their class.
    """
    if flipped is None:
        return fit_head(embeddings, targets, C=C, balanced=balanced)
    # Twice the images weigh twice as much against the same penalty.
    return fit_head_on_parts(
        [embeddings, flipped],
        np.concatenate([targets, targets]),
        C=C / 2,
        balanced=balanced,
    )
