"""Whether what a run is to log to is installed. Needs no PyTorch."""

import importlib.util

from training.errors import ConfigError


def check_tracker(kind: str) -> None:
    """Find out before the work, not after it, whether a tracker is there.

    Raises:
        ConfigError: it is not installed.
    """
    if kind in ("mlflow", "tensorboard") and not is_installed(kind):
        raise ConfigError(
            f"--tracker {kind} needs a package that is not installed; run: pip install {kind}, or leave the "
            "option out"
        )


def is_installed(module: str) -> bool:
    """Whether a module can be imported."""
    return importlib.util.find_spec(module) is not None
