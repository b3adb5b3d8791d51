"""Files that are no images to us: pictures of kinds that are not read, videos, texts."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from inference.file_kinds import FileKind
from training.data.finding import Finding, counted
from training.data.folder import readable
from training.data.place import Place

_LISTED: Final = 4


def unread_pictures(root: Place) -> list[Finding]:
    """Say, for each folder, how many pictures are of a kind that is not read."""
    found = []
    for path, folder in root.folders():
        kinds = Counter(kind for _, kind in folder.others if kind.holds_picture)
        if not kinds:
            continue
        place = readable(str(path.relative_to(root.path))) if path != root.path else "the folder"
        listed = ", ".join(kind.counted(n) for kind, n in kinds.most_common(_LISTED))
        example = readable(str((path / _first(folder.others)).relative_to(root.path)))
        found.append((kinds.total(), f"{place!r}: {listed}", example))
    if not found:
        return []
    found.sort(key=lambda entry: -entry[0])
    shown = "; ".join(text for _, text, _ in found[:_LISTED])
    more = f"; and {len(found) - _LISTED} more folders" if len(found) > _LISTED else ""
    total = sum(number for number, _, _ in found)
    return [
        Finding(
            kind="unread_pictures",
            severity="warning",
            message=f"{counted(total, 'picture')} of kinds that are not read, left out: {shown}{more}",
            count=total,
            example=found[0][2],
            next_step="convert them to JPEG or PNG",
        )
    ]


def _first(others: Sequence[tuple[str, FileKind]]) -> str:
    return next(name for name, kind in others if kind.holds_picture)
