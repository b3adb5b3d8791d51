"""Images of a class that lie in several subfolders: one a patient, a shoot or a part, perhaps."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Final

from training.data.finding import Finding, counted
from training.data.folder import ImageFile, readable
from training.data.folder_check.nested_classes import level_pattern
from training.data.place import Place

GROUPS: Final = "groups_in_folders"
# Fewer are cameras, years or parts of a data set rather than patients.
_FEWEST: Final = 3


def groups_in_folders(root: Place, files: Sequence[ImageFile]) -> list[Finding]:
    """Say how photos of one patient are kept on one side of a split, where subfolders may be patients."""
    if any(file.split is not None for file in files):
        return []
    parents = Counter(
        (file.label, PurePosixPath(readable(file.path.relative_to(root.path).as_posix())).parent)
        for file in files
    )
    by_label: dict[str, list[PurePosixPath]] = {}
    for label, parent in parents:
        by_label.setdefault(label, []).append(parent)
    depth = _varying_depth(by_label)
    if depth is None:
        return []
    names = {parent.parts[depth] for _, parent in parents if len(parent.parts) > depth}
    pattern = level_pattern(depth)
    if len(names) < _FEWEST or 2 * len(names) > len(files):
        return []
    example = min(names)
    return [
        Finding(
            kind=GROUPS,
            severity="info",
            cost="accuracy",
            message=f"images of a class lie in several subfolders ({counted(len(names), 'name')}, such as "
            f"'{example}'): if each is a patient, a shoot or a part, its photos must not be both learned "
            "from and tested on, or the accuracy is too high",
            count=len(files),
            next_step=f"add --group-by '{pattern}' to keep them on one side of the split",
        )
    ]


def _varying_depth(by_label: Mapping[str, Sequence[PurePosixPath]]) -> int | None:
    """Return the deepest place in the paths at which a class has several names, below the class folder."""
    deepest = max((len(parent.parts) for found in by_label.values() for parent in found), default=0)
    for depth in reversed(range(deepest)):
        names = [
            {parent.parts[depth] for parent in found if len(parent.parts) > depth}
            for found in by_label.values()
        ]
        if 2 * sum(len(one) > 1 for one in names) >= len(names):
            return depth
    return None
