"""Model selection: which candidate is published, and why, by the validation images of both."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from training.assessment.bootstrap import accuracy_difference, share_better
from training.assessment.intervals import Interval
from training.assessment.validation_result import ValidationResult, validation_result
from training.candidates.candidate import Candidate

# Share of the bootstrap samples in which a taught head's loss is lower.
_SHOWN: Final = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What is published, all that it was chosen from, and why, in a sentence.

    `of_teacher` says whether a teacher helped, and why; None where there is none.
    """

    chosen: Candidate
    tried: tuple[Candidate, ...]
    reason: str
    of_teacher: str | None = None

    @classmethod
    def without_rival(
        cls, chosen: Candidate, because: str = "it is the only model that was trained"
    ) -> "Selection":
        """Return the selection where there was nothing to compare with."""
        return cls(chosen=chosen, tried=(chosen,), reason=_sentence(chosen, because))

    @classmethod
    def between(
        cls,
        probe: Candidate,
        rivals: Sequence[Candidate],
        trained: Candidate,
        *,
        earlier: Sequence[Candidate] = (),
    ) -> "Selection":
        """Choose between the probe and what was trained.

        Args:
            probe: what is published where training was worse.
            rivals: the probes that the trained model is compared with: one for each fold that was held
                out, or the probe itself.
            trained: its validation images are those of all the rivals, in their order.
            earlier: all that the probe was chosen from.
        """
        comparison = PairedComparison.of(rivals, trained)
        decision = comparison.decide()
        trained = replace(trained, notes=(*trained.notes, comparison.describe()))
        chosen = trained if decision.chooses_trained else probe
        return cls(
            chosen=chosen,
            tried=(*(earlier or (probe,)), trained),
            reason=_sentence(chosen, decision.because),
        )

    def published_because(self, because: str) -> "Selection":
        """Return the same selection with another reason."""
        return replace(self, reason=_sentence(self.chosen, because))

    @classmethod
    def between_heads(
        cls, probe: Candidate, taught: Candidate, comparison: "PairedComparison"
    ) -> "Selection":
        """Choose between two heads on the same features: the probe unless the other is shown to be better."""
        decision = comparison.decide_if_convinced()
        kept = "kept" if decision.chooses_trained else "left out"
        of_teacher = f"what the teacher {taught.teacher} taught is {kept}: {decision.because}"
        taught = replace(taught, notes=(*taught.notes, of_teacher))
        chosen = taught if decision.chooses_trained else probe
        return cls(
            chosen=chosen,
            tried=(probe, taught),
            reason=_sentence(chosen, decision.because),
            of_teacher=of_teacher,
        )

    def with_probe(self, probe: Candidate) -> "Selection":
        """Return the same selection with another fit of the probe that was chosen."""
        return replace(self, chosen=probe, tried=(probe, *self.tried[1:]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether training won, and the figures that decided, in words."""

    chooses_trained: bool
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedComparison:
    """The probe and a trained model on the same validation images: those held out, or of some folds.

    Neither model of a fold has seen its images. `num_folds` counts the folds, 1 where images are
    held out; `images` says which these are.
    """

    probe: ValidationResult
    trained: ValidationResult
    num_folds: int
    images: str = "validation images"

    @classmethod
    def of(cls, probes: Sequence[Candidate], trained: Candidate) -> "PairedComparison":
        """Return the results of probes and a trained model on the same validation images.

        All predictions of a kind are scaled by one temperature: one of a single fold's handful of
        images, all right by chance, would make every prediction of that fold look confident.

        Args:
            probes: one for each fold that was held out, or one where images are held out.
            trained: its validation images are those of all the probes, in their order.
        """
        targets = trained.dataset.targets("val")
        logits = np.concatenate([probe.val_logits for probe in probes])
        return cls(
            probe=validation_result(probes[0].title, logits, targets),
            trained=validation_result(trained.title, trained.val_logits, targets),
            num_folds=len(probes),
        )

    def decide(self) -> Decision:
        """Return whether what was trained is better: the more accurate one, else the one of lower loss.

        The accuracy decides where the 95 % interval of the difference leaves 0 out; on a few dozen images
        it moves by whole images, and the loss says more. Of the rules that were compared this one loses
        least on test images (docs/benchmarks/selection-2026-11.md).
        """
        trained, probe = self.trained, self.probe
        difference, (low, high) = accuracy_difference(trained.correct, probe.correct)
        accuracies = _accuracies(trained, probe)
        if low > 0 or high < 0:
            return Decision(
                chooses_trained=difference > 0,
                because=f"{self._images()}, the {trained.name} is {'more' if low > 0 else 'less'} accurate, "
                f"beyond chance: {accuracies}, {_points(difference, (low, high))}",
            )
        lower = bool(trained.losses.mean() < probe.losses.mean())
        return Decision(
            chooses_trained=lower,
            because=f"{self._images()}, the loss of the {trained.name} is {'' if lower else 'not '}lower "
            f"than that of the {probe.name}: {_losses(trained, probe)}; their accuracy, {accuracies}, does "
            "not differ beyond chance",
        )

    def decide_if_convinced(self) -> Decision:
        """Return whether what was trained has very likely a lower loss, and no lower accuracy beyond chance.

        Of two heads on the same features the lower loss alone chose the worse one more often
        (docs/benchmarks/selection-2026-11.md, distillation-2026-11.md).
        """
        trained, probe = self.trained, self.probe
        share = share_better(trained.losses, probe.losses)
        difference, (low, high) = accuracy_difference(trained.correct, probe.correct)
        better = share >= _SHOWN and high >= 0
        return Decision(
            chooses_trained=better,
            because=f"{self._images()}, the {trained.name} is {'' if better else 'not '}shown to be better "
            f"than the {probe.name}: {_losses(trained, probe)} in loss, lower in {_percent(share)} of the "
            f"bootstrap samples ({_percent(_SHOWN)} are asked for); accuracy {_accuracies(trained, probe)}, "
            f"{_points(difference, (low, high))}",
        )

    def describe(self) -> str:
        """Return how far apart the two are, in words."""
        trained, probe = self.trained, self.probe
        difference, interval = accuracy_difference(trained.correct, probe.correct)
        lower_loss = share_better(trained.losses, probe.losses)
        return (
            f"{trained.name} against the {probe.name}, {self._images()}: "
            f"{_points(difference, interval)}, lower loss in {_percent(lower_loss)} of the bootstrap "
            "samples"
        )

    def _images(self) -> str:
        of_folds = f" of {self.num_folds} folds" if self.num_folds > 1 else ""
        return f"on the same {len(self.probe.losses)} {self.images}{of_folds}"


def _sentence(chosen: Candidate, because: str) -> str:
    return f"Published is the {chosen.title}: {because}."


def _accuracies(one: ValidationResult, other: ValidationResult) -> str:
    """Return both, with the numbers of images right where rounding hides that they differ."""
    shares = [f"{100 * result.correct.mean():.1f} %" for result in (one, other)]
    right = [int(result.correct.sum()) for result in (one, other)]
    if shares[0] == shares[1] and right[0] != right[1]:
        return f"{right[0]:,} against {right[1]:,} images right"
    return " against ".join(shares)


def _losses(one: ValidationResult, other: ValidationResult) -> str:
    """Return both, with as many digits as tell them apart."""
    values = one.losses.mean(), other.losses.mean()
    digits = next((n for n in (3, 5) if len({f"{value:.{n}f}" for value in values}) == 2), 7)
    return " against ".join(f"{value:.{digits}f}" for value in values)


def _points(difference: float, interval: Interval) -> str:
    low, high = interval
    return (
        f"{100 * difference:+z.1f} points (95 % interval {100 * low:+z.1f} to {100 * high:+z.1f})"
    )


def _percent(share: float) -> str:
    """Return a share of bootstrap samples as exactly as it is known: 79.95 is not yet 80."""
    return f"{round(100 * share, 2):g} %"
