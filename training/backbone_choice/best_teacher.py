"""Which candidate teaches the chosen one (--teacher auto): the best of all, over the limits, too."""

from dataclasses import replace

import numpy as np

from inference.backbone_choice import BackboneChoice
from training.assessment.intervals import wilson
from training.backbone_choice.choose import Choosing
from training.backbone_choice.cross_validation import cross_validate
from training.backbone_choice.opened_candidate import OpenedCandidate
from training.backbone_choice.table import describe_trials


def with_those_over_limits(choice: BackboneChoice, choosing: Choosing) -> BackboneChoice:
    """Return a choice with the accuracy of candidates that are too slow or too large to be chosen.

    Those that the time has no room for stay without one.
    """
    trials = list(choice.trials)
    everything = np.arange(len(choosing.images))
    added = []
    for place, (index, one) in enumerate(choosing.opened.items()):
        if not isinstance(one, OpenedCandidate) or one.over_limit(choosing.config) is None:
            continue
        entrant = choosing.entrants[index]
        if not choosing.budget.has(len(everything) * entrant.expected_image_s):
            continue
        answers = cross_validate(entrant.embed(everything), choosing.images, everything)
        trials[place] = replace(
            trials[place],
            images=len(answers.correct),
            accuracy=answers.accuracy,
            accuracy_interval=wilson(answers.num_right, len(answers.correct)),
            nll=answers.nll,
        )
        added.append(trials[place])
    if added:
        choosing.display.line("to teach it, these were tried too:")
        for line in describe_trials(added):
            choosing.display.line(line)
    return replace(choice, trials=tuple(trials))


def best_teacher(choice: BackboneChoice) -> int | None:
    """Return the index of the most accurate candidate, None where that is the chosen one."""
    most = max(trial.images or 0 for trial in choice.trials)
    compared = [
        (trial.accuracy, -(trial.nll or 0.0), index)
        for index, trial in enumerate(choice.trials)
        if trial.accuracy is not None and trial.images == most
    ]
    best = max(compared, default=(0.0, 0.0, choice.chosen))[-1]
    return None if best == choice.chosen else best
