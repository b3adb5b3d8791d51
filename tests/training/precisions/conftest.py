"""The float32 colour model that the precisions are held against, and timings that no machine decides."""

import numpy as np
import numpy.typing as npt
import pytest

from inference.session import ModelSession
from tests.training.conftest import quiet
from training.assessment.calibration import fit_temperature
from training.candidates import Candidate
from training.config import FinetuneConfig
from training.precisions.reference import Reference
from training.precisions.speed import Speed, Timing
from training.precisions.trying import CompareSpeed
from training.recognition import recognise
from training.unknowns.rejection import fit_rejection


def reference_of(probe: Candidate, config: FinetuneConfig) -> Reference:
    """Return a candidate with its rules, as a run makes them."""
    recognition = recognise(probe, config, quiet(), strength=probe.strength)
    targets = probe.dataset.targets("val")
    return Reference(
        recognition=recognition,
        temperature=fit_temperature(probe.val_logits, targets),
        rejection=fit_rejection(recognition.familiarity, recognition.val_scores),
        conformal=None,
    )


@pytest.fixture(scope="session")
def reference(probe: Candidate, config: FinetuneConfig) -> Reference:
    """Return the colour model with its rules."""
    return reference_of(probe, config)


def times_as_fast(ratio: float) -> CompareSpeed:
    """Return a comparison that finds any file so much faster; it runs both."""

    def compare(
        reference: ModelSession, other: ModelSession, pixels: npt.NDArray[np.uint8]
    ) -> Speed:
        for session in (reference, other):
            session.run(pixels, ["probabilities"])
        timing = Timing(batch=len(pixels), reference_ms=ratio, other_ms=1.0)
        return Speed(provider="cpu", timings=(timing,))

    return compare
