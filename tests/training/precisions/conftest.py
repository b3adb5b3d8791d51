"""The float32 colour model that the precisions are held against, and timings that no machine decides."""

import dataclasses

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import softmax

from inference.session import ModelSession
from inference.speed import BatchTiming, Speed
from tests.training.conftest import quiet
from training.abstention.ood_detector import fit_detector_on, fit_ood_detector
from training.abstention.prediction_sets import fit_conformal
from training.assessment.calibration import fit_temperature
from training.candidates.candidate import Candidate
from training.config import FinetuneConfig
from training.ood.threshold import fit_rejection
from training.precisions.converted_model import Float32Model
from training.precisions.search import CompareSpeed


def reference_of(probe: Candidate, config: FinetuneConfig) -> Float32Model:
    """Return a candidate with its rules, as a run makes them."""
    detector = fit_ood_detector(probe, config, quiet(), C=probe.C)
    targets = probe.dataset.targets("val")
    return Float32Model(
        detector=detector,
        temperature=fit_temperature(probe.val_logits, targets),
        rejection=fit_rejection(detector.ood_score, detector.val_scores),
        conformal=None,
    )


@pytest.fixture(scope="session")
def reference(probe: Candidate, config: FinetuneConfig) -> Float32Model:
    """Return the colour model with its rules."""
    return reference_of(probe, config)


def of_two_folds(reference: Float32Model) -> Float32Model:
    """Return the model as a mean of two networks; the second takes every image for the first class."""
    candidate, train = reference.candidate, reference.candidate.dataset.splits["train"]
    assert candidate.embeddings is not None
    dataset = dataclasses.replace(
        candidate.dataset, folds=np.arange(len(train), dtype=np.int64) % 3
    ).validated_on(2)
    logits = candidate.network.linear_head().logits(candidate.embeddings[dataset.rows("val")])
    logits[14:] = [5, 0, 0]
    mean = dataclasses.replace(
        candidate,
        dataset=dataset,
        val_logits=logits,
        val_cosines=np.linspace(0, 1, 28, dtype=np.float32),
    )
    probabilities, targets = softmax(logits, axis=1), dataset.targets("val")
    return dataclasses.replace(
        reference,
        detector=fit_detector_on(mean, np.arange(len(train)), C=mean.C),
        conformal=fit_conformal(probabilities, targets, coverage=0.9),
    )


def times_as_fast(ratio: float) -> CompareSpeed:
    """Return a comparison that finds any file so much faster; it runs both."""

    def compare(
        reference: ModelSession, other: ModelSession, pixels: npt.NDArray[np.uint8]
    ) -> Speed:
        for session in (reference, other):
            session.run(pixels, ["probabilities"])
        timing = BatchTiming(batch=len(pixels), reference_ms=ratio, other_ms=1.0)
        return Speed(provider="cpu", timings=(timing,))

    return compare
