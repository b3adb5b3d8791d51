"""Folders with images beside `train/`, `val/`, `test/`."""

from collections.abc import Sequence

from training.data.finding import Finding, counted, named
from training.data.folder import readable
from training.data.place import Place


def beside_splits(others: Sequence[Place]) -> list[Finding]:
    """Say which folders are no split and take no part."""
    if not others:
        return []
    num_images = sum(sub.num_images for sub in others)
    return [
        Finding(
            kind="beside_splits",
            severity="warning",
            message=f"{counted(num_images, 'image')} left out: {named(readable(s.name) for s in others)} "
            "beside the splits",
            count=num_images,
            example=str(next(others[0].images()).relative_to(others[0].path.parent)),
            next_step="move them into train/ if they belong to its classes",
        )
    ]


def train_beside_others(training: Place, others: Sequence[Place]) -> list[Finding]:
    """Ask whether `train` is a split or a class: it has subfolders, and other folders beside it."""
    inside = named(readable(sub.name) for sub in training.with_images)
    return [
        Finding(
            kind="split_or_class",
            severity="error",
            cost="labels",
            message=f"{readable(training.name)!r} has the subfolders {inside} and lies beside "
            f"{named(readable(sub.name) for sub in others)}: it may be a split or a class",
            count=training.num_images,
            next_step=f"give {str(training.path)!r} to take its subfolders as classes, or add "
            "--label-from '^([^/]+)/' to take the outer folders",
        )
    ]
