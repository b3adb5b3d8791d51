"""A line of the table: what is known of a candidate, and what became of it."""

from inference.backbone_choice import BackboneTrial
from training.assessment.intervals import wilson
from training.backbone_choice.open_all import Opened
from training.backbone_choice.opened_candidate import OpenedCandidate
from training.backbone_choice.race import Standing
from training.config import FinetuneConfig


def make_trial(
    name: str,
    candidate: Opened,
    config: FinetuneConfig,
    *,
    standing: Standing | None = None,
    outcome: str | None = None,
) -> BackboneTrial:
    """Return the line of a candidate; `standing` is how far it came, None where it was not compared."""
    if not isinstance(candidate, OpenedCandidate):
        return BackboneTrial(backbone=name, outcome=f"left out: {candidate.reason}")
    out = candidate.over_limit(config) if standing is None else standing.out
    answers = None if standing is None else standing.answers
    return BackboneTrial(
        backbone=name,
        outcome=outcome or (f"left out: {out}" if out else ""),
        weights=candidate.backbone.info.weights,
        licence=candidate.backbone.info.licence,
        ms=round(candidate.ms, 2),
        bytes=candidate.file_bytes,
        images=None if answers is None else len(answers.correct),
        accuracy=None if answers is None else answers.accuracy,
        accuracy_interval=(
            None if answers is None else wilson(answers.num_right, len(answers.correct))
        ),
        nll=None if answers is None else answers.nll,
    )
