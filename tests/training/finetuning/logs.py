"""TensorBoard's own reader of its files."""

from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def logged(folder: Path, name: str) -> list[tuple[int, float]]:
    """Return the (step, value) pairs that TensorBoard shows of a run."""
    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def logged_steps(folder: Path, name: str) -> list[int]:
    """Return the steps alone."""
    return [step for step, _ in logged(folder, name)]
