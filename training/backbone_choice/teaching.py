"""Whether the best candidate teaches the one that is chosen (--teacher auto)."""

from pathlib import Path

from training.config import AUTO, FinetuneConfig


def teaches_best(config: FinetuneConfig) -> bool:
    """Return whether the options say so."""
    return config.teacher == Path(AUTO)
