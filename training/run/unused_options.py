"""Options of training that a run has no use for, as it fits nothing but a linear probe."""

import dataclasses
from typing import Final

from training.config import FinetuneConfig

_OF_TRAINING: Final = ("epochs", "learning_rate", "batch_size", "weight_decay")


def describe_unused(config: FinetuneConfig, method: str) -> str | None:
    """Return which of the options that were given a run by `method` does not use; None where it uses all."""
    usual = {option.name: option.default for option in dataclasses.fields(config)}
    given = [name for name in _OF_TRAINING if getattr(config, name) != usual[name]]
    if method != "probe" or not given:
        return None
    flags = ", ".join(f"--{name.replace('_', '-')}" for name in given)
    return (
        f"not used: {flags}; this run fits a linear probe and trains no network (--method finetune "
        "trains one)"
    )
