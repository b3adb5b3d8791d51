"""Two folders that mean one split."""

from collections.abc import Sequence

from training.data.finding import Finding, counted
from training.data.folder import Split, readable
from training.data.place import Place


def two_of_a_split(splits: Sequence[tuple[Split, Place]]) -> list[Finding]:
    """Refuse `val/` beside `valid/`: nobody can tell which is meant."""
    found: dict[Split, Place] = {}
    findings = []
    for split, place in splits:
        first = found.setdefault(split, place)
        if first is not place:
            findings.append(
                Finding(
                    kind="two_folders_of_a_split",
                    severity="error",
                    message=f"both {readable(first.name)!r} and {readable(place.name)!r} mean {split} "
                    f"({first.num_images:,} and {counted(place.num_images, 'image')})",
                    count=place.num_images,
                    next_step="keep one, or merge them",
                )
            )
    return findings
