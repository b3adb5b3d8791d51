"""What a teacher says of images, and the targets that a student learns from.

Hinton, Vinyals & Dean 2015, "Distilling the Knowledge in a Neural Network". Label and teacher weigh the
same and the temperature is 1, as by default in timm's `LogitDistillationTask`: the answers are calibrated,
so that they need no softening. Both losses are then one cross-entropy to the mean of both. An unlabelled
image has the teacher's answer alone.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from training.data.joined_pixels import ImageByRow, JoinedPixels
from training.data.scan import Scan
from training.probing.refitted_teacher import RefittedTeacher
from training.runtime.arrays import Flags, Floats, Integers

TEACHER_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TeacherAnswers:
    """The calibrated probabilities of one teacher, for K classes in the student's order.

    Attributes:
        teacher: its name and version.
        known: (N, K) by `ScannedImage.row`; NaN for images that it was not asked about, test images
            among them.
        seen: (N,), the images that it has learnt from.
        refitted: fits it again without some of these; None where that cannot be done.
        unlabelled, unlabelled_rows: images without a label, and the rows (U,) of those that are used.
        unlabelled_embeddings: (U, D), by the student's trunk.
        unlabelled_answers: (U, K).
    """

    teacher: str
    known: Floats
    seen: Flags
    refitted: RefittedTeacher | None
    unlabelled: Scan | None
    unlabelled_rows: Integers
    unlabelled_embeddings: Floats
    unlabelled_answers: Floats

    @property
    def tells(self) -> Flags:
        """Which images (N,) tell whether the teacher helps: those that it need not have learnt from."""
        return ~self.seen if self.refitted is None else np.ones_like(self.seen)

    def without(self, rows: Integers) -> "TeacherAnswers":
        """Return the answers of a teacher that has not learnt from the images at `rows`, which tell."""
        if self.refitted is None or not self.seen[rows].any():
            return self
        known, unlabelled = self.refitted.without(rows)
        return replace(self, known=known, unlabelled_answers=unlabelled)

    def targets(self, rows: Integers, targets: Integers) -> Floats:
        """Return what is to be learnt of images at `rows` (M,) of classes (M,): probabilities (M, K)."""
        labels = np.eye(self.known.shape[1], dtype=np.float32)[targets]
        said = self.known[rows]
        mixed = (1 - TEACHER_SHARE) * labels + TEACHER_SHARE * said
        return np.where(np.isnan(said), labels, mixed).astype(np.float32)

    def with_unlabelled(
        self, pixels: ImageByRow, rows: Integers, targets: Integers
    ) -> tuple[ImageByRow, Integers, Floats]:
        """Return what is trained on: labelled images and then unlabelled ones, their rows and targets.

        Args:
            pixels: of all images with a label, whole.
            rows, targets: which of them are trained on, and their classes, (M,).
        """
        soft = self.targets(rows, targets)
        if self.unlabelled is None:
            return pixels, rows, soft
        assert self.unlabelled.training is not None
        return (
            JoinedPixels(pixels, self.unlabelled.training),
            np.concatenate([rows, len(pixels) + self.unlabelled_rows]),
            np.concatenate([soft, self.unlabelled_answers]),
        )
