"""Copies of one image that would make the accuracy false: under two labels, or in two given splits."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from training.config import Leakage
from training.data.folder import SPLITS, Folder, Split
from training.data.scan import ScannedImage
from training.errors import DataError
from training.runtime.arrays import Integers

_LISTED: Final = 10
_LISTED_COPIES: Final = 4
# Trackers, spacers and empty pictures of web pages; and the grey values of a picture of one colour.
_TINY_PX: Final = 16
_BLANK_CONTRAST: Final = 4.0
LEAK_NEXT_STEP: Final = (
    "the accuracy would be false: remove all copies but those of one split, or train with --leakage drop, "
    "which leaves out those of the earlier splits"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedCopies:
    """The images that take part, and those left out with the reason."""

    images: tuple[ScannedImage, ...]
    dropped: tuple[tuple[ScannedImage, str], ...]


def resolve_copies(
    folder: Folder,
    images: Sequence[ScannedImage],
    copies: Integers,
    lookalikes: Integers,
    *,
    allow_conflicts: bool,
    leakage: Leakage,
) -> ResolvedCopies:
    """Refuse or drop the copies that would make the accuracy false.

    Args:
        folder: for the paths in messages, and the splits that it came with.
        images: every readable image.
        copies: a number for each image's row; files with the same one are equal, byte for byte.
        lookalikes: the same for images that show one photo as far as the audit can tell. That is no
            proof (two handwritten ones look alike too), so they never stop a run: where splits were
            given, they are left out of the earlier one.
        allow_conflicts: leave out images under two labels rather than refuse.
        leakage: "drop" leaves a copy out of the earlier split (train before val before test).

    Raises:
        DataError: there are such copies and the options do not allow them; they are listed.
    """
    groups = _gathered(images, copies)
    conflicts = [g for g in groups if len({image.file.label for image in g}) > 1]
    if conflicts and not allow_conflicts:
        raise DataError(
            f"{_listed(folder, conflicts, _labels_of(conflicts))}; {conflict_next_step(conflicts)}"
        )
    conflicting = {image.row for group in conflicts for image in group}
    leaks = [g for g in groups if g[0].row not in conflicting and _num_splits(g) > 1]
    if leaks and leakage == "error":
        raise DataError(f"{_listed(folder, leaks, 'in more than one split')}; {LEAK_NEXT_STEP}")
    alike = [g for g in _gathered(images, lookalikes) if _num_splits(g) > 1]
    reasons = {
        i.row: "shows what a later split shows" for g in alike for i in g if _is_earlier(i, g)
    }
    reasons |= {i.row: "is also in a later split" for g in leaks for i in g if _is_earlier(i, g)}
    reasons |= dict.fromkeys(conflicting, "lies under more than one label")
    return ResolvedCopies(
        images=tuple(image for image in images if image.row not in reasons),
        dropped=tuple((i, reasons[i.row]) for i in images if i.row in reasons),
    )


def _gathered(images: Sequence[ScannedImage], numbers: Integers) -> list[list[ScannedImage]]:
    groups: dict[int, list[ScannedImage]] = {}
    for image in images:
        groups.setdefault(int(numbers[image.row]), []).append(image)
    return list(groups.values())


def _num_splits(group: Sequence[ScannedImage]) -> int:
    return len({image.file.split for image in group})


def _is_earlier(image: ScannedImage, group: Sequence[ScannedImage]) -> bool:
    return _place(image.file.split) < max(_place(other.file.split) for other in group)


def _place(split: Split | None) -> int:
    return SPLITS.index(split or "train")


def _listed(folder: Folder, groups: Sequence[Sequence[ScannedImage]], what: str) -> str:
    shown = [_equal(folder, group) for group in groups[:_LISTED]]
    more = f" and {len(groups) - _LISTED} more" if len(groups) > _LISTED else ""
    count = "1 image lies" if len(groups) == 1 else f"{len(groups)} images lie"
    return f"{count} {what}: {', '.join(shown)}{more}"


def _equal(folder: Folder, group: Sequence[ScannedImage]) -> str:
    """Return the paths of equal files, the first few of them."""
    paths = [repr(folder.relative(image.file)) for image in group]
    more = len(paths) - _LISTED_COPIES
    return " = ".join(paths[:_LISTED_COPIES]) + (f" and {more} more" if more > 0 else "")


def _labels_of(groups: Sequence[Sequence[ScannedImage]]) -> str:
    numbers = {len({image.file.label for image in group}) for group in groups}
    many = f"{numbers.pop()} labels" if len(numbers) == 1 else "more than one label"
    return "under two labels" if many == "2 labels" else f"under {many}"


def conflict_next_step(groups: Sequence[Sequence[ScannedImage]]) -> str:
    """Return what to do about images under more than one label, by what they show."""
    empty = sum(_shows_nothing(group[0]) for group in groups)
    if empty == len(groups):
        they = "it shows" if empty == 1 else "they show"
        them = "it" if empty == 1 else "them"
        return (
            f"{they} nothing (tiny, or of one colour): trackers or placeholders of web pages, probably; "
            f"delete {them}, or leave {them} out with --allow-conflicts"
        )
    some = f" ({empty} show nothing: trackers or placeholders, to be deleted)" if empty else ""
    return (
        f"at most one label can be right: remove the wrong ones{some}, or leave all of them out with "
        "--allow-conflicts"
    )


def _shows_nothing(image: ScannedImage) -> bool:
    facts = image.facts
    return max(facts.width_px, facts.height_px) <= _TINY_PX or facts.contrast < _BLANK_CONTRAST
