"""Classes whose name looks like `_unknown`, the folder of images that are none of the classes."""

from collections.abc import Iterable

from training.data.finding import Finding, named
from training.data.folder import UNKNOWN_FOLDER


def unknown_as_class(labels: Iterable[str]) -> list[Finding]:
    """Say that `unknown` and `_Unknown` are classes, and what `_unknown` would mean."""
    like = [label for label in labels if label.strip("_ ").casefold() == UNKNOWN_FOLDER[1:]]
    if not like:
        return []
    return [
        Finding(
            kind="unknown_as_class",
            severity="info",
            message=f"{named(like)} {'is a class' if len(like) == 1 else 'are classes'} like any other: the "
            f"model learns to answer so; a folder {UNKNOWN_FOLDER!r} holds images of no class, by which the "
            "rejection of unknown images is chosen and tested",
            count=0,
            next_step=f"rename it to {UNKNOWN_FOLDER!r} if its images are of none of the classes",
        )
    ]
