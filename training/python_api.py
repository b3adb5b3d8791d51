"""Training from Python: `train` does what `python -m training.finetune` does."""

import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from training.errors import ConfigError

if TYPE_CHECKING:
    from inference import Package


def train(data: str | os.PathLike[str], *, quiet: bool = False, **options: Any) -> "Package":
    """Train on a folder of images and publish the model.

        package = train("photos/", name="garments", time_budget="10m", precisions="fp32,int8")
        package.path, package.manifest.metrics.val.accuracy

    Args:
        data: one subfolder per class, or `train/`, `val/`, `test/` of such; or what else the command takes.
        quiet: print nothing.
        options: those of `python -m training.finetune`, by their names with `_` for `-`; values as Python
            has them (`batch_size=64`, `offline=True`) or as one would type them (`time_budget="10m"`).

    Raises:
        TrainingError: an option, the data, the weights or a check of the exported model stops the run.
        inference.PackageError: the model repository cannot be written.
    """
    # Libraries that take seconds to import, only where something is trained.
    from rich.console import Console

    from inference import read_package
    from training.command_options import parse_config
    from training.run.pipeline import run
    from training.runtime.progress import Display

    started = time.monotonic()
    config = parse_config([*_arguments(options), "--", os.fspath(data)])
    if config.dry_run:
        raise ConfigError("dry_run publishes nothing; use the command for it")
    published = run(config, Display(Console(quiet=quiet)), started=started)
    if published is None:
        raise ConfigError(
            "only the first process of torchrun has the package; use the command there"
        )
    return read_package(published)


def _arguments(options: dict[str, Any]) -> Iterable[str]:
    """Yield options as they would be typed; None and False are what an option is without being given."""
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        if value is True:
            yield flag
        elif isinstance(value, (list, tuple)):
            yield from (
                (flag, *map(str, value))
                if name in ("backbone_args", "candidates")
                else (f"{flag}={','.join(map(str, value))}",)
            )
        elif value is not None and value is not False:
            yield f"{flag}={value}"
