"""Whether a trained network is better than the probe, by the validation images that judged both."""

from dataclasses import dataclass

import numpy as np

from training.candidates import Candidate
from training.finetuning.choosing import CONVINCED, Rated, accuracy_difference, rate, share_better


@dataclass(frozen=True, slots=True, kw_only=True)
class Contest:
    """Two ways to a model on the same validation images: those held out, or of some folds.

    Neither model of a fold has seen its images. `num_folds` counts the folds, 1 where images are
    held out.
    """

    probe: Rated
    trained: Rated
    num_folds: int = 1

    @classmethod
    def of(cls, probe: Candidate, trained: Candidate) -> "Contest":
        """Return what two models of one data set say of its validation images."""
        targets = probe.dataset.targets("val")
        first, second = (rate(c.method, c.val_logits, targets) for c in (probe, trained))
        return cls(probe=first, trained=second)

    def joined(self, other: "Contest") -> "Contest":
        """Return both contests as one over the images of both."""
        return Contest(
            probe=_joined(self.probe, other.probe),
            trained=_joined(self.trained, other.trained),
            num_folds=self.num_folds + other.num_folds,
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


def _joined(one: Rated, other: Rated) -> Rated:
    return Rated(
        name=one.name,
        losses=np.concatenate([one.losses, other.losses]),
        correct=np.concatenate([one.correct, other.correct]),
    )
