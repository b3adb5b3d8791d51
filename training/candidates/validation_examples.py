"""A few validation images to watch while a model changes: those that the probe has wrong, first."""

from dataclasses import dataclass
from itertools import islice
from typing import Final

import numpy as np

from training.assessment.nll import nll_per_image
from training.candidates.candidate import Candidate
from training.data.scan import ScannedImage
from training.data.split import Dataset
from training.runtime.arrays import Floats
from training.runtime.progress import Display, ExampleGuess

_MOST: Final = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationExamples:
    """All validation images of a run, the ones to look at first: `rows` are their `ScannedImage.row`."""

    rows: tuple[int, ...]

    @classmethod
    def by(cls, probe: Candidate) -> "ValidationExamples":
        """Order the images by what a probe says of them.

        What it has wrong comes before what it has right, one image of each class in turn; within a
        class, those that take the least to change.
        """
        targets = probe.dataset.targets("val")
        losses = nll_per_image(probe.val_logits, targets)
        right = probe.val_logits.argmax(axis=1) == targets
        nearest = np.lexsort((np.where(right, -losses, losses), right))
        turn = np.empty(len(targets), np.int64)
        for of_class in (nearest[targets[nearest] == label] for label in np.unique(targets)):
            turn[of_class] = np.arange(len(of_class))
        order = np.lexsort((turn, right))
        return cls(rows=tuple(probe.dataset.rows("val")[order].tolist()))

    def show(
        self, display: Display, dataset: Dataset, val_logits: Floats, *, step: int | None
    ) -> None:
        """Show what a model takes the first of them for that are a data set's validation images.

        Args:
            display: shows them.
            dataset: what the model is evaluated on; with folds, not on all images.
            val_logits: of its validation images, (N, K).
            step: of the training; 0 for the model that it begins with, None for the one that is published.
        """
        place_of = {row: place for place, row in enumerate(dataset.rows("val").tolist())}
        places = islice((place_of[row] for row in self.rows if row in place_of), _MOST)
        images, guesses = dataset.splits["val"], val_logits.argmax(axis=1)
        display.examples(step, [_guess(images[p], dataset.labels[guesses[p]]) for p in places])


def _guess(image: ScannedImage, guess: str) -> ExampleGuess:
    file = image.file
    return ExampleGuess(path=str(file.path), sha256=image.sha256, label=file.label, guess=guess)
