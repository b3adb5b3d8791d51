"""The reference that the service compares its answers with."""

import numpy as np
import pytest

from inference.manifest import Rejection
from training.assessment.answer_shares import answer_shares

pytestmark = pytest.mark.training


def test_it_counts_the_first_labels_and_takes_the_rejected_share_from_the_rule() -> None:
    probabilities = np.array(
        [[0.9, 0.1, 0], [0.6, 0.4, 0], [0.2, 0.8, 0], [0.7, 0.3, 0]], np.float32
    )
    rule = Rejection(score="familiarity", threshold=0.0, accepted=0.95)
    found = answer_shares(probabilities, ("a", "b", "never"), rule)
    assert found.images == 4
    assert found.rejected == pytest.approx(0.05)
    assert found.top_probability == pytest.approx(0.75)
    assert found.labels == {"a": 0.75, "b": 0.25}
