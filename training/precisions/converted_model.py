"""The float32 model that a precision is held against, and what its rules become with other answers."""

from dataclasses import dataclass, replace

import numpy as np
import onnx
from scipy.special import softmax

from inference.classifier import BatchOutputs
from inference.manifest import Calibration, Conformal, Parity, Rejection
from training.abstention.ood_detector import OodDetector
from training.abstention.prediction_sets import fit_conformal
from training.assessment.bootstrap import accuracy_difference
from training.candidates.candidate import Candidate
from training.candidates.out_of_fold import OutOfFoldPredictions
from training.export.onnx_graph import attach_head
from training.precisions.outcome import AccuracyChange
from training.runtime.arrays import Floats, Integers


@dataclass(frozen=True, slots=True, kw_only=True)
class Float32Model:
    """The float32 model: its answers on validation images, its rules, and its temperature."""

    detector: OodDetector
    temperature: float
    rejection: Rejection
    conformal: Conformal | None

    @property
    def candidate(self) -> Candidate:
        """The model itself."""
        return self.detector.candidate


def assemble(
    detector: OodDetector, trunk: onnx.ModelProto, *, temperature: float
) -> onnx.ModelProto:
    """Return a graph to publish: a trunk, and behind it a model's head and score in float32."""
    return attach_head(
        trunk,
        detector.candidate.head,
        temperature=temperature,
        ood_score=detector.ood_score,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedPredictions:
    """The validation images' answers with another trunk: logits (N, K), OOD scores (N,).

    They are of heads that had not seen the images, as the float32 model's out-of-fold predictions are.
    """

    reference: Float32Model
    logits: Floats
    scores: Floats
    parity: Parity

    @classmethod
    def of_same_head(cls, reference: Float32Model, outputs: BatchOutputs) -> "ConvertedPredictions":
        """Take in what a file with the other trunk and the float32 model's head answers, in order.

        That head has seen the validation images, or with folds each of its fellows has not. So what
        the other trunk changes in its answers is added to the answers of heads that had not.
        """
        detector, candidate = reference.detector, reference.candidate
        logits, embeddings = _own_answers(reference)
        score = detector.ood_score.score
        served = (
            outputs.familiarity
        )  # a runtime may compute the score itself in the other precision
        if served is None:
            served = score(outputs.logits, outputs.embedding)
        change = served - score(logits, embeddings)
        return cls(
            reference=reference,
            logits=candidate.val_logits + (outputs.logits - logits),
            scores=detector.val_scores + change,
            parity=_parity(outputs.logits, logits),
        )

    @classmethod
    def of_refitted(
        cls, reference: Float32Model, refitted: OodDetector, outputs: BatchOutputs
    ) -> "ConvertedPredictions":
        """Take in a model fitted on the other trunk, and what its file answers, in order."""
        return cls(
            reference=reference,
            logits=refitted.candidate.val_logits,
            scores=refitted.val_scores,
            parity=_parity(outputs.logits, _own_answers(reference)[0]),
        )

    @property
    def targets(self) -> Integers:
        """The true classes, (N,)."""
        return self.reference.candidate.dataset.targets("val")

    def accuracy_change(self) -> AccuracyChange:
        """Compare with the float32 model on the same images."""
        before = self.reference.candidate.val_logits.argmax(axis=1) == self.targets
        points, (low, high) = accuracy_difference(
            self.logits.argmax(axis=1) == self.targets, before
        )
        return AccuracyChange(points=points, low=low, high=high)

    def calibration(self) -> Calibration:
        """Fit the temperature again."""
        return Calibration(temperature=self._out_of_fold().temperature())

    def rejection(self) -> Rejection:
        """Choose the threshold that accepts as many validation images as the float32 model's.

        What was measured against unknown images was measured with the float32 model, and left out.
        """
        rule = self.reference.rejection
        scores = self.scores[self.reference.candidate.dataset.counted("val")]
        below = round((1 - rule.accepted) * len(scores))
        threshold = float(np.sort(scores)[min(below, len(scores) - 1)])
        accepted = float((scores >= threshold).mean())
        return replace(rule, threshold=threshold, accepted=accepted, measured=None)

    def conformal(self, calibration: Calibration) -> Conformal | None:
        """Find the threshold of the prediction sets again."""
        rule = self.reference.conformal
        if rule is None:
            return None
        out_of_fold = self._out_of_fold()
        probabilities = softmax(out_of_fold.logits / calibration.temperature, axis=1)
        return fit_conformal(probabilities, out_of_fold.targets, coverage=rule.coverage)

    def _out_of_fold(self) -> OutOfFoldPredictions:
        """Return these answers in place of the float32 model's; each photo counts once."""
        return replace(self.reference.candidate, val_logits=self.logits).out_of_fold()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertedModel:
    """A converted trunk, the head and score that go behind it, and what the file is worth.

    `served_logits` are those of the file for the validation images, (N, K).
    """

    how: str
    trunk: onnx.ModelProto
    detector: OodDetector
    served_logits: Floats
    predictions: ConvertedPredictions

    def assembled(self, *, temperature: float) -> onnx.ModelProto:
        """Return the graph to publish."""
        return assemble(self.detector, self.trunk, temperature=temperature)

    @property
    def error(self) -> float:
        """How far its logits are from those of the float32 model: the mean square."""
        before = self.predictions.reference.candidate.val_logits
        return float(np.square(self.predictions.logits - before).mean())


def _own_answers(reference: Float32Model) -> tuple[Floats, Floats]:
    """Return the float32 file's logits (N, K) and embeddings (N, D) of the validation images."""
    candidate = reference.candidate
    assert candidate.embeddings is not None
    embeddings = candidate.embeddings[candidate.dataset.rows("val")]
    return candidate.head.logits(embeddings), embeddings


def _parity(logits: Floats, float32: Floats) -> Parity:
    return Parity(
        max_abs_logit_diff=float(np.abs(logits - float32).max()),
        argmax_agreement=float((logits.argmax(axis=1) == float32.argmax(axis=1)).mean()),
        images=len(logits),
    )
