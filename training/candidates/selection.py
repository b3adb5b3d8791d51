"""Whether a trained network is better than the probe, by the validation images that judged both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.assessment.validation_result import (
    CONVINCED,
    ValidationResult,
    accuracy_difference,
    share_better,
    validation_result,
)
from training.candidates.candidate import Candidate


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Two ways to a model on the same validation images: those held out, or of some folds.

    Neither model of a fold has seen its images. `num_folds` counts the folds, 1 where images are
    held out.
    """

    probe: ValidationResult
    trained: ValidationResult
    num_folds: int

    @classmethod
    def of(cls, probes: Sequence[Candidate], trained: Candidate) -> "Contest":
        """Return what probes and a trained model say of the same validation images.

        All of a way's answers are rated at one temperature: one of a single fold's handful of images,
        all right by chance, would make every answer of that fold look sure.

        Args:
            probes: one for each of the folds that judge, or one where images are held out.
            trained: its validation images are those of all the probes, in their order.
        """
        targets = trained.dataset.targets("val")
        logits = np.concatenate([probe.val_logits for probe in probes])
        return cls(
            probe=validation_result(probes[0].method, logits, targets),
            trained=validation_result(trained.method, trained.val_logits, targets),
            num_folds=len(probes),
        )

    def trained_wins(self) -> bool:
        """Whether training is at least as often right as the probe, and very likely better.

        Better is a lower loss or more images right, in most bootstrap samples of the images.
        """
        trained, probe = self.trained, self.probe
        if trained.correct.mean() < probe.correct.mean():
            return False
        fewer_wrong = share_better(~trained.correct, ~probe.correct)
        return max(share_better(trained.losses, probe.losses), fewer_wrong) >= CONVINCED

    def describe(self) -> str:
        """Return how far apart the two are, in words."""
        trained, probe = self.trained, self.probe
        difference, low, high = accuracy_difference(trained.correct, probe.correct)
        of_folds = f" of {self.num_folds} folds" if self.num_folds > 1 else ""
        sure = 100 * share_better(trained.losses, probe.losses)
        return (
            f"{trained.name} against the probe, by the same {len(probe.losses)} validation images"
            f"{of_folds}: {100 * difference:+.1f} points (95 % interval {100 * low:+.1f} to "
            f"{100 * high:+.1f}), lower loss in {sure:.0f} % of the bootstrap samples"
        )
