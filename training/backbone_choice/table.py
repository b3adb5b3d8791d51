"""The table of a choice, as lines for a terminal."""

from collections.abc import Sequence
from typing import Final

from inference.backbone_choice import BackboneChoice, BackboneTrial

_HEADER: Final = ("backbone", "accuracy (95 %)", "loss", "ms", "MB", "licence", "")


def describe_choice(choice: BackboneChoice) -> list[str]:
    """Return the table, and a last line that says which it is and why."""
    chosen = choice.trials[choice.chosen].backbone
    return [*describe_trials(choice.trials), f"chosen: {chosen}, {choice.reason}"]


def describe_trials(trials: Sequence[BackboneTrial]) -> list[str]:
    """Return the table: a header, a line for each trial, and who could not be had, by reason."""
    rows = [_HEADER, *(_cells(trial) for trial in trials if trial.bytes is not None)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    lines = [
        "  ".join(
            cell.ljust(width) if column in (0, 5, 6) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    missing: dict[str, list[str]] = {}
    for trial in trials:
        if trial.bytes is None:
            missing.setdefault(trial.outcome, []).append(trial.backbone)
    return lines + [f"{reason}: {', '.join(names)}" for reason, names in missing.items()]


def _cells(trial: BackboneTrial) -> tuple[str, ...]:
    accuracy = ""
    if trial.accuracy is not None and trial.accuracy_interval is not None:
        low, high = trial.accuracy_interval
        accuracy = f"{100 * trial.accuracy:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
    return (
        trial.backbone,
        accuracy,
        "" if trial.nll is None else f"{trial.nll:.3f}",
        "" if trial.ms is None else f"{trial.ms:.1f}",
        "" if trial.bytes is None else f"{trial.bytes / 1e6:.1f}",
        trial.licence or "",
        trial.outcome,
    )
