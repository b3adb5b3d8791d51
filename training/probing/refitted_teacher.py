"""A teacher that is a linear head on a frozen trunk, fitted again without images that it learnt from.

A teacher's answers for *other* images tell of those that it has learnt from, too, for its head was bent to
their labels, and a student copies it there. So whoever is compared on an image learns from a teacher that
has not seen it (cross-fitting); the figures are in docs/benchmarks/distillation-2026-11.md.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from training.networks.linear_head import LinearHead
from training.probing.probe import fit_head
from training.runtime.arrays import Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RefittedTeacher:
    """What a head of the teacher's is fitted on.

    Attributes:
        embeddings: (N, D) by its trunk, by `ScannedImage.row`; of images that it was not asked about, NaN.
        unlabelled_embeddings: (U, D).
        rows, targets: the images that it has learnt from, and their classes, (M,).
        C: the inverse regularisation strength of its head.
        temperature: of its answers.
        balanced: whether its classes are weighed by the inverse of their size.
    """

    embeddings: Floats
    unlabelled_embeddings: Floats
    rows: Integers
    targets: Integers
    C: float
    temperature: float
    balanced: bool

    def without(self, rows: Integers) -> tuple[Floats, Floats]:
        """Return probabilities of known images (N, K) and unlabelled ones (U, K), not having seen `rows`.

        Raises:
            ValueError: every image of a class is among them.
        """
        kept = ~np.isin(self.rows, rows)
        if not np.array_equal(np.unique(self.targets[kept]), np.unique(self.targets)):
            raise ValueError("a teacher cannot be fitted without a class")
        head = fit_head(
            self.embeddings[self.rows[kept]], self.targets[kept], C=self.C, balanced=self.balanced
        )
        asked = np.flatnonzero(~np.isnan(self.embeddings).any(axis=1))
        known = np.full((len(self.embeddings), len(head.bias)), np.nan, dtype=np.float32)
        known[asked] = self._answers(head, self.embeddings[asked])
        return known, self._answers(head, self.unlabelled_embeddings)

    def _answers(self, head: LinearHead, embeddings: Floats) -> Floats:
        answers: Floats = softmax(head.logits(embeddings) / self.temperature, axis=1).astype(
            np.float32
        )
        return answers
