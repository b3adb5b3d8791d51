"""Rules that choose on validation images, and what each loses on test images against the best option."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from benchmarks.training.choice_draws import Choice
from training.assessment.bootstrap import accuracy_difference, share_better
from training.assessment.validation_result import CONVINCED, ValidationResult

# Whether a challenger takes the place of what was kept until then.
Rule = Callable[[ValidationResult, ValidationResult], bool]

_RESAMPLES: Final = 10_000
_PLACES: Final = {
    "candidate": "the probe (first), or the fine-tuned network",
    "head": "a head fitted again on the trained backbone (first), or the head as trained",
    "weights": "averaged weights (first), last weights, or between the average and the start",
}


def _loss(new: ValidationResult, old: ValidationResult) -> bool:
    return bool(new.losses.mean() < old.losses.mean())


def _sure_loss(new: ValidationResult, old: ValidationResult) -> bool:
    return share_better(new.losses, old.losses) >= CONVINCED


def _accuracy(new: ValidationResult, old: ValidationResult) -> bool:
    return bool(new.correct.mean() > old.correct.mean())


def _accuracy_then_loss(new: ValidationResult, old: ValidationResult) -> bool:
    if new.correct.sum() == old.correct.sum():
        return _loss(new, old)
    return _accuracy(new, old)


def _no_veto(new: ValidationResult, old: ValidationResult) -> bool:
    """Return whether the accuracy is not lower beyond its interval."""
    return accuracy_difference(new.correct, old.correct)[1][1] >= 0


def _accuracy_beyond_chance(new: ValidationResult, old: ValidationResult) -> bool:
    difference, (low, high) = accuracy_difference(new.correct, old.correct)
    return difference > 0 if low > 0 or high < 0 else _loss(new, old)


def _accurate_and_sure(new: ValidationResult, old: ValidationResult) -> bool:
    if new.correct.mean() < old.correct.mean():
        return False
    return _sure_loss(new, old) or share_better(~new.correct, ~old.correct) >= CONVINCED


RULES: Final[Mapping[str, Rule]] = {
    "the first, always": lambda new, old: False,
    "the last, always": lambda new, old: True,
    "fewer mistakes": _accuracy,
    "fewer mistakes, then loss": _accuracy_then_loss,
    "lower loss": _loss,
    "lower loss in 80 % of bootstrap samples": _sure_loss,
    "lower loss, accuracy as veto": lambda new, old: _loss(new, old) and _no_veto(new, old),
    "accuracy where it differs beyond its interval, else loss": _accuracy_beyond_chance,
    "lower loss in 80 %, accuracy as veto": lambda new, old: (
        _sure_loss(new, old) and _no_veto(new, old)
    ),
    "as accurate, and loss or mistakes lower in 80 %": _accurate_and_sure,
    "the last, unless the first has the lower loss in 80 %": lambda new, old: (
        not _sure_loss(old, new)
    ),
    "the last, unless the first has lower loss or fewer mistakes in 80 %": lambda new, old: (
        not _sure_loss(old, new) and share_better(~old.correct, ~new.correct) < CONVINCED
    ),
}


def kept(rule: Rule, choice: Choice) -> int:
    """Return which option a rule keeps."""
    results = [option.result() for option in choice.options]
    best = 0
    for place in range(1, len(results)):
        if rule(results[place], results[best]):
            best = place
    return best


def markdown(draws: Mapping[str, Sequence[Choice]]) -> str:
    """Return a table for each place in which options compete.

    What is lost is a mean over draws, with a 95 % interval of the bootstrap over draws; of several
    choices in one draw (one for each fold) the mean counts.
    """
    parts = [f"{len(draws)} draws."]
    for place, title in _PLACES.items():
        of_draw = [[c for c in choices if c.place == place] for choices in draws.values()]
        of_draw = [choices for choices in of_draw if choices]
        parts += ["", f"**{title[0].upper() + title[1:]}** ({sum(map(len, of_draw))} choices)", ""]
        parts += [
            "| rule | accuracy lost, points | 95 % interval | loss lost, nats | 95 % interval "
            "| the less accurate chosen |",
            "|---|---|---|---|---|---|",
        ]
        parts += [_row(name, rule, of_draw) for name, rule in RULES.items()]
    return "\n".join(parts)


def _row(name: str, rule: Rule, draws: Sequence[Sequence[Choice]]) -> str:
    accuracy, loss, wrong = [], [], 0
    for choices in draws:
        lost = np.array([_lost(choice, kept(rule, choice)) for choice in choices])
        wrong += int((lost[:, 0] > 0).sum())
        accuracy.append(100 * lost[:, 0].mean())
        loss.append(lost[:, 1].mean())
    total = sum(map(len, draws))
    return (
        f"| {name} | {np.mean(accuracy):.2f} | {_interval(accuracy, 2)} | {np.mean(loss):.4f} "
        f"| {_interval(loss, 4)} | {wrong} of {total} |"
    )


def _lost(choice: Choice, chosen: int) -> tuple[float, float]:
    right = [option.test_right for option in choice.options]
    losses = [option.test_loss for option in choice.options]
    return (max(right) - right[chosen]) / choice.test_images, losses[chosen] - min(losses)


def _interval(values: Sequence[float], digits: int) -> str:
    rng = np.random.default_rng(0)
    drawn = np.array(values)[rng.integers(0, len(values), (_RESAMPLES, len(values)))]
    means: npt.NDArray[np.float64] = drawn.mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{low:.{digits}f} to {high:.{digits}f}"
