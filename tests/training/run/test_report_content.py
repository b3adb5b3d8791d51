"""What a run says of its choice. That the page has the rest, `report/test_page.py` shows."""

import dataclasses

import pytest

from training.candidates.candidate import Candidate
from training.run.report_content import explain_choice

pytestmark = pytest.mark.training


def candidate(probe: Candidate, method: str, accuracy: float) -> Candidate:
    """Return a candidate with logits of its own."""
    return dataclasses.replace(
        probe, method=method, accuracy=accuracy, val_logits=probe.val_logits.copy()
    )


@pytest.mark.parametrize(
    ("accuracy", "because"),
    [
        (0.9, "it has more of the validation images right than the probe."),
        (0.8, "it has as many validation images right as the probe, at a lower loss."),
        (0.7, "where both were judged by the same images, the probe was not clearly better."),
    ],
)
def test_the_figures_that_decided_are_told(probe: Candidate, accuracy: float, because: str) -> None:
    rival = candidate(probe, "probe", 0.8)
    chosen = candidate(probe, "finetune", accuracy)
    assert explain_choice(chosen, [rival, chosen]) == f"Published is the finetune: {because}"


def test_accuracies_of_different_images_are_not_compared(probe: Candidate) -> None:
    """A probe is judged by all folds, what was trained beside one of them by that one."""
    rival = candidate(probe, "probe", 0.8)
    chosen = dataclasses.replace(
        candidate(probe, "finetune", 0.9), dataset=dataclasses.replace(probe.dataset)
    )
    told = explain_choice(chosen, [rival, chosen])
    assert "judged by the same images, the probe was not clearly better" in told


def test_a_choice_of_one_is_none(probe: Candidate) -> None:
    """Also where the published one is a copy that was given more since."""
    only = candidate(probe, "probe", 0.8)
    told = explain_choice(dataclasses.replace(only, embeddings=None), [only])
    assert told == "Published is the probe, the only model that was made."
