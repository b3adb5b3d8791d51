"""From prepared images to the probe: the model of a run without training, the start of one with."""

import math
import time
from dataclasses import dataclass
from functools import partial

from training.candidates.candidate import Candidate
from training.candidates.horizontal_flip import embed_flipped
from training.candidates.probe_candidate import make_probe
from training.candidates.selection import Selection
from training.candidates.taught_probe import Lesson, compare_with_taught, make_taught_probe
from training.candidates.validation_examples import ValidationExamples
from training.config import FinetuneConfig
from training.data.split import Dataset
from training.planning.budget_shares import StageCosts
from training.probing.published_head import head_images
from training.probing.teacher_answers import TeacherAnswers
from training.run.prepare import PreparedData
from training.runtime.progress import Display
from training.runtime.ranks import is_main


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitting:
    """What fitting needs. `run_name`: under which it is saved. `answers`: of a teacher, if there is one."""

    prepared: PreparedData
    config: FinetuneConfig
    display: Display
    costs: StageCosts
    run_name: str
    answers: TeacherAnswers | None = None

    def spare_s(self, dataset: Dataset) -> float:
        """Return the seconds that a fitted model leaves of the budget when it is published."""
        return self.costs.budget.left_s - self.costs.finish_s(dataset)

    def flips_spare_s(self, dataset: Dataset) -> float:
        """Return the seconds that may go into flipped images: any, where they are to be kept."""
        return math.inf if self.costs.keeps_flips else self.spare_s(dataset)


def fit_probe(fitting: Fitting) -> Selection | None:
    """Return the probe to publish and why it is that one; None where only the plan was asked for."""
    dry_run = fitting.config.dry_run
    probe = probe_on(fitting, fitting.prepared.dataset, flipped=not dry_run)
    fitting.display.line(probe.describe())
    selection = None if dry_run else choose_probe(probe, fitting)
    best = probe if selection is None else selection.chosen
    ValidationExamples.by(probe).show(fitting.display, best.dataset, best.val_logits, step=None)
    return selection


def choose_probe(probe: Candidate, fitting: Fitting) -> Selection:
    """Return the probe, or the probe with a teacher where there is one and it helps."""
    if fitting.answers is None or not is_main():
        return Selection.without_rival(probe)
    taught = teach(probe, fitting)
    fitting.display.line(taught.describe())
    with fitting.display.stage("comparing heads with and without a teacher"):
        comparison = compare_with_taught(
            probe,
            taught,
            _lesson(probe, fitting),
            fitting.prepared.groups,
            seed=fitting.config.seed,
        )
    selection = Selection.between_heads(probe, taught, comparison)
    fitting.display.line(selection.tried[-1].notes[-1])
    return selection


def teach(probe: Candidate, fitting: Fitting) -> Candidate:
    """Return what the probe becomes with the teacher's answers."""
    features, dataset = fitting.prepared.features, probe.dataset
    assert features is not None
    flipped = None
    if probe.horizontal_flip and dataset is fitting.prepared.dataset:  # it may be published
        spare_s = partial(fitting.flips_spare_s, dataset)
        flipped = embed_flipped(features, dataset, fitting.display, spare_s=spare_s)
    return make_taught_probe(probe, _lesson(probe, fitting), fitting.display, flipped=flipped)


def _lesson(probe: Candidate, fitting: Fitting) -> Lesson:
    features = fitting.prepared.features
    assert features is not None
    assert fitting.answers is not None
    return Lesson(embeddings=features.embeddings, dataset=probe.dataset, answers=fitting.answers)


def probe_on(
    fitting: Fitting, dataset: Dataset, *, flipped: bool, horizontal_flip: bool | None = None
) -> Candidate:
    """Fit a probe, `flipped` with flipped images where they keep their class and there is time.

    `horizontal_flip` says whether they do, where that is known already.
    """
    assert fitting.prepared.features is not None
    began = time.monotonic()
    probe = make_probe(
        fitting.prepared.features,
        dataset,
        fitting.config,
        fitting.display,
        horizontal_flip=horizontal_flip,
        flipped=flipped,
        spare_s=lambda: fitting.flips_spare_s(dataset),
    )
    costs = fitting.costs
    costs.probe_s, costs.heads_s = time.monotonic() - began, probe.heads_s
    costs.flipped_s = probe.horizontal_flip * costs.feature_s * len(head_images(dataset)[0])
    return probe
