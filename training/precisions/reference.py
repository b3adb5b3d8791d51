"""The float32 model that a precision is held against, and what its rules become with other answers."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import onnx
from scipy.special import softmax

from inference.classifier import BatchOutputs
from inference.manifest import Calibration, Conformal, Parity, Rejection
from training.calibration import fit_temperature
from training.candidates import Candidate
from training.conformal import fit_conformal
from training.export import attach_head
from training.finetuning.choosing import accuracy_difference
from training.precisions.attempt import AccuracyChange
from training.recognition import Recognition

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """The float32 model: its answers on validation images, its rules, and its temperature."""

    recognition: Recognition
    temperature: float
    rejection: Rejection
    conformal: Conformal | None

    @property
    def candidate(self) -> Candidate:
        """The model itself."""
        return self.recognition.candidate

    def with_trunk(
        self, trunk: onnx.ModelProto, *, temperature: float | None = None
    ) -> onnx.ModelProto:
        """Return the graph to publish with another trunk; its head and what follows are float32."""
        return attach_head(
            trunk,
            self.candidate.network.linear_head(),
            temperature=self.temperature if temperature is None else temperature,
            familiarity=self.recognition.familiarity,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Shifted:
    """The validation images' answers with another trunk: logits (N, K), familiarity (N,).

    The published head has seen the validation images, or with folds each of its fellows has not. So
    what the other trunk changes in its answers is added to the answers of heads that had not seen
    them: those are what the float32 model is judged by too.
    """

    reference: Reference
    logits: Floats
    scores: Floats
    parity: Parity

    @classmethod
    def of(cls, reference: Reference, outputs: BatchOutputs) -> "Shifted":
        """Take in what a file with the other trunk answers for the validation images, in order."""
        recognition, candidate = reference.recognition, reference.candidate
        assert candidate.embeddings is not None
        embeddings = candidate.embeddings[candidate.dataset.rows("val")]
        logits = candidate.network.linear_head().logits(embeddings)
        moved = outputs.logits - logits
        score = recognition.familiarity.score
        familiar = score(outputs.logits, outputs.embedding) - score(logits, embeddings)
        return cls(
            reference=reference,
            logits=candidate.val_logits + moved,
            scores=recognition.val_scores + familiar,
            parity=Parity(
                max_abs_logit_diff=float(np.abs(moved).max()),
                argmax_agreement=float(
                    (outputs.logits.argmax(axis=1) == logits.argmax(axis=1)).mean()
                ),
                images=len(moved),
            ),
        )

    @property
    def targets(self) -> npt.NDArray[np.int64]:
        """The true classes, (N,)."""
        return self.reference.candidate.dataset.targets("val")

    def accuracy_change(self) -> AccuracyChange:
        """Compare with the float32 model on the same images."""
        before = self.reference.candidate.val_logits.argmax(axis=1) == self.targets
        points, low, high = accuracy_difference(self.logits.argmax(axis=1) == self.targets, before)
        return AccuracyChange(points=points, low=low, high=high)

    def calibration(self) -> Calibration:
        """Fit the temperature again."""
        return Calibration(temperature=fit_temperature(self.logits, self.targets))

    def rejection(self) -> Rejection:
        """Choose the threshold that accepts as many validation images as the float32 model's.

        What was measured against unknown images was measured with the float32 model, and left out.
        """
        rule = self.reference.rejection
        below = round((1 - rule.accepted) * len(self.scores))
        threshold = float(np.sort(self.scores)[min(below, len(self.scores) - 1)])
        accepted = float((self.scores >= threshold).mean())
        return replace(rule, threshold=threshold, accepted=accepted, measured=None)

    def conformal(self, calibration: Calibration) -> Conformal | None:
        """Find the threshold of the prediction sets again."""
        rule = self.reference.conformal
        if rule is None:
            return None
        probabilities = softmax(self.logits / calibration.temperature, axis=1)
        return fit_conformal(probabilities, self.targets, coverage=rule.coverage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A converted trunk, and the logits (N, K) of a file with it for the validation images."""

    how: str
    trunk: onnx.ModelProto
    served_logits: Floats
    shifted: Shifted

    @property
    def error(self) -> float:
        """How far its logits are from those of the float32 model: the mean square."""
        before = self.shifted.reference.candidate.val_logits
        return float(np.square(self.shifted.logits - before).mean())
