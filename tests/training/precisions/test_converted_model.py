"""What a model's rules become with another trunk's answers."""

import dataclasses

import numpy as np
import pytest

from inference.manifest import Conformal, Parity
from training.precisions.converted_model import ConvertedPredictions, Float32Model

pytestmark = pytest.mark.training


def rules_of(reference: Float32Model) -> list[object]:
    """Return temperature, rejection and sets of a trunk that answers less surely than float32."""
    found = ConvertedPredictions(
        reference=reference,
        logits=reference.candidate.val_logits / np.float32(4),
        scores=reference.detector.val_scores,
        parity=Parity(max_abs_logit_diff=0.0, argmax_agreement=1.0, images=1),
    )
    return [found.calibration(), found.rejection(), found.conformal(found.calibration())]


def test_each_photo_counts_once_in_the_temperature_the_threshold_and_the_sets(
    reference: Float32Model,
) -> None:
    """Eight more files of the photo that is answered worst change nothing."""
    candidate, detector = reference.candidate, reference.detector
    reference = dataclasses.replace(
        reference,
        rejection=dataclasses.replace(reference.rejection, accepted=0.5),
        conformal=Conformal(method="lac", coverage=0.5, threshold=0.5, images=9),
    )
    worst = int(detector.val_scores.argmin())
    val = candidate.dataset.splits["val"]
    places = np.array([*range(len(val)), *[worst] * 8])
    dataset = dataclasses.replace(
        candidate.dataset,
        splits={**candidate.dataset.splits, "val": tuple(val[place] for place in places)},
        photos=np.arange(len(candidate.dataset.pixels)),
    )
    copies = dataclasses.replace(
        detector,
        candidate=dataclasses.replace(
            candidate, dataset=dataset, val_logits=candidate.val_logits[places]
        ),
        val_scores=detector.val_scores[places],
    )
    assert np.array_equal(copies.counted_scores, detector.val_scores)
    assert rules_of(dataclasses.replace(reference, detector=copies)) == rules_of(reference)
