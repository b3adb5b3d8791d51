"""The head of a converted trunk, fitted again on what that trunk sees."""

import numpy as np
import pytest

from tests.training.precisions.conftest import of_two_folds
from training.precisions.converted_model import Float32Model
from training.precisions.refitted_head import refit_head

pytestmark = pytest.mark.training


def test_a_head_fitted_again_is_judged_by_networks_that_had_not_seen_the_images(
    reference: Float32Model,
) -> None:
    """The mean of the networks has seen all; with the same trunk nothing may look better."""
    mean = of_two_folds(reference).detector
    refitted = refit_head(mean, mean.candidate.trunk)
    assert refitted is not None
    before, after = mean.candidate.val_logits, refitted.candidate.val_logits
    assert np.allclose(after, before, atol=1e-3)
    assert refitted.val_scores == pytest.approx(mean.val_scores, abs=1e-3)
