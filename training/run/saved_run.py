"""Where a run is saved while it lasts, under a name of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from training.config import FinetuneConfig
from training.data.cache import default_cache_dir
from training.data.split import MAX_FOLDS
from training.finetuning.checkpoint_file import checkpoint_file, remove_checkpoint, run_name
from training.finetuning.run_slot import run_slot
from training.runtime import distributed
from training.runtime.progress import Display
from training.runtime.ranks import is_main


def runs_folder(config: FinetuneConfig) -> Path:
    """Return where runs are saved."""
    return (config.cache_dir or default_cache_dir()) / "runs"


@contextmanager
def own_run_name(config: FinetuneConfig, method: str, display: Display) -> Iterator[str]:
    """Yield the name under which this run is saved, which no other run has at this time.

    Raises:
        ConfigError: too many of one name are under way, or the folder cannot be written.
    """
    name = run_name(config.publish_name, config.models_dir)
    if method == "probe" or config.dry_run:  # nothing is saved
        yield name
    elif not is_main():
        yield distributed.broadcast(None)
    else:
        with run_slot(runs_folder(config), name) as own:
            if own != name:
                display.line(
                    f"other runs of {config.publish_name!r} are not over; this one is saved apart"
                )
            yield distributed.broadcast(own)


def fold_name(name: str, fold: int) -> str:
    """Return the name under which one fold of a run is saved."""
    return f"{name}-fold{fold}" if fold else name


def forget_run(config: FinetuneConfig, name: str) -> None:
    """Remove all that was saved of a run, of every fold."""
    for fold in range(MAX_FOLDS):
        remove_checkpoint(checkpoint_file(runs_folder(config), fold_name(name, fold)))
