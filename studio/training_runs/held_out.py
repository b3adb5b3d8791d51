"""The images that neither of two versions was fitted on, with their labels as they are now."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from inference.package import Package
from studio.analysis.reader import LabelledImages
from training.data.folder import SPLITS, Folder, ImageFile
from training.data.split import SPLIT_FILE, read_frozen

Part = Literal["test", "val"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOut:
    """Images of one part of the split; of "val" the versions were chosen by, so it flatters both a little."""

    folder: Folder
    part: Part


def find_held_out(
    images: LabelledImages, root: Path, new: Package, before: Package
) -> HeldOut | None:
    """Return the test images of the new version that the one before did not see, else validation images.

    None where both were fitted on all images (folds).
    """
    labels = before.manifest.labels
    parts: tuple[Part, ...] = ("test", "val")
    for part in parts:
        rows = _rows_of(images, new.path, before.path, part)
        files = tuple(f for f in _files(images, root, rows) if f.label in labels)
        if files:
            folder = Folder(root=root, labels=labels, files=files, ignored={}, given_splits=())
            return HeldOut(folder=folder, part=part)
    return None


def _rows_of(images: LabelledImages, new: Path, before: Path, part: Part) -> list[int]:
    """Return the rows of images that are of that part for the new version, and were for the one before."""
    parts, earlier = (read_frozen(folder / SPLIT_FILE, SPLITS) for folder in (new, before))
    return [
        row
        for row, image in enumerate(images.analysis.images)
        if parts.get(image.sha256) == part and earlier.get(image.sha256, part) == part
    ]


def _files(images: LabelledImages, root: Path, rows: list[int]) -> Iterator[ImageFile]:
    for row in rows:
        number = int(images.current[row])
        if number >= 0:
            path = root / images.analysis.images[row].path
            yield ImageFile(path=path, label=images.analysis.labels[number], split=None)
