"""What is published under a name that exists, compared with that model's latest version by its labels.

Two folders may both be called `data`. A client of the one model would get the other's answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from inference.errors import InferenceError
from inference.names import LATEST
from inference.repository import Repository
from training.data.finding import counted, named
from training.errors import DataError
from training.runtime.progress import Display

# Of the labels of both: with fewer in common two folders probably have the same name by chance.
_COMMON_SHARE: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelChanges:
    """How labels differ from those of the latest version, number `version`."""

    version: int
    removed: tuple[str, ...]
    added: tuple[str, ...]


def compare_labels(
    models_dir: Path, name: str, labels: Sequence[str], *, name_given: bool
) -> LabelChanges | None:
    """Return how the labels differ from the latest version's; None where there is none, or no difference.

    Args:
        models_dir: where models are published.
        name: of the model.
        labels: of the new one.
        name_given: a person gave the name; else it is the folder's, which another folder may have too.

    Raises:
        DataError: they have none in common, or under a folder's name hardly any: it is another model.
    """
    try:
        latest = Repository(models_dir).package(name, LATEST).manifest
    except InferenceError:
        return None  # none yet, or none that can be read
    removed = tuple(label for label in latest.labels if label not in labels)
    added = tuple(label for label in labels if label not in latest.labels)
    if len(removed) == len(latest.labels):
        raise DataError(
            f"model {name!r} is there already, version {latest.version} with other labels: "
            f"{named(removed)}; none of this folder's {len(labels)}: {named(added)}. Publish it under a "
            "name of its own with --name"
        )
    if not removed and not added:
        return None
    common = len(latest.labels) - len(removed)
    every = len(latest.labels) + len(added)
    if removed and added and not name_given and common < _COMMON_SHARE * every:
        raise DataError(
            f"model {name!r} is there already, and of the {every} labels of its version {latest.version} "
            f"and this folder only {common} {'is' if common == 1 else 'are'} in common: it has "
            f"{named(removed)}, this folder {named(added)}. If it is another model give it a name of its "
            f"own with --name; for a new version of that one add --name {name}"
        )
    return LabelChanges(version=latest.version, removed=removed, added=added)


def describe_changes(changes: LabelChanges, name: str, display: Display) -> None:
    """Say, before anything is trained, how the labels differ and what follows."""
    before = f"version {changes.version} of {name!r}"
    if changes.removed:
        display.warning(
            f"{counted(len(changes.removed), 'label')} of {before} removed or renamed: "
            f"{named(changes.removed)}; the new version will not become the default unless you add "
            "--make-default always"
        )
    if changes.added:
        display.line(
            f"{counted(len(changes.added), 'label')} more than in {before}: {named(changes.added)}; "
            "the order of the probabilities changes"
        )
