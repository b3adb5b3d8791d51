"""Classes without images, without one that can be read, or with too few to learn and to measure.

All of them come in one message, before a network is loaded.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from inference.decoding import OWN_FILES_LIMITS, DecodeLimits, decode_image
from inference.errors import ImageError
from inference.image_file import read_image_file
from training.data.finding import Finding, costliest_first, counted
from training.data.folder import Folder, ImageFile, Split
from training.data.folder_check.classes_of_splits import MISSING_IN_SPLIT, MISSING_IN_TRAIN
from training.data.too_large import with_options

# One to fit by, one to choose by.
_NEEDED: Final = 2
_LISTED: Final = 20
_PROBE_PX: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class _Class:
    """One class in one split: its files, and how many different ones could be read before enough were."""

    label: str
    split: Split | None
    files: Sequence[ImageFile]
    readable: int
    problem: tuple[ImageFile, str] | None

    @property
    def described(self) -> str:
        """Its name with what is wrong."""
        place = f"{self.label!r}" + (f" in {self.split}/" if self.split else "")
        if not self.files:
            return f"{place} (no images)"
        if self.readable == len(self.files):
            return f"{place} ({counted(self.readable, 'image')})"
        if self.readable:
            return f"{place} ({self.readable} of {len(self.files)} images, others are copies or unusable)"
        if len(self.files) == 1:
            return f"{place} (1 file, which cannot be used)"
        return f"{place} ({len(self.files)} files and none can be used)"


def check_class_sizes(
    folder: Folder, *, min_images: int | None, limits: DecodeLimits = OWN_FILES_LIMITS
) -> Folder:
    """Return the folder with a finding about classes that are too small, or without those classes.

    Args:
        folder: as it was read.
        min_images: classes of fewer readable images are left out; without it they are an error.
        limits: images over them cannot be read.
    """
    needed = max(min_images or 0, _NEEDED)
    looked = _look_at_classes(folder, needed, limits)
    small = [c for c in looked if c.readable < _needed_in(c, needed)]
    if not small:
        return folder
    if min_images is not None:
        return _without(folder, small, min_images)
    findings = costliest_first([*folder.findings, _too_small(folder, small)])
    return replace(folder, findings=findings)


def _needed_in(one: _Class, needed: int) -> int:
    """A given `val/` or `test/` needs one image of a class to measure by."""
    return 1 if one.split in ("val", "test") else needed


def _look_at_classes(folder: Folder, needed: int, limits: DecodeLimits) -> list[_Class]:
    by_class: dict[tuple[Split | None, str], list[ImageFile]] = {
        (split, label): [] for split in folder.given_splits or (None,) for label in folder.labels
    }
    for file in folder.files:
        by_class[file.split, file.label].append(file)
    if any(finding.kind in (MISSING_IN_SPLIT, MISSING_IN_TRAIN) for finding in folder.findings):
        by_class = {key: files for key, files in by_class.items() if files}  # said already
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        looked = pool.map(
            lambda item: _look_at_class(item[0], item[1], needed, limits), by_class.items()
        )
        return list(looked)


def _look_at_class(
    key: tuple[Split | None, str], files: Sequence[ImageFile], needed: int, limits: DecodeLimits
) -> _Class:
    """Read files of a class until enough different ones could be."""
    split, label = key
    found: set[str] = set()
    problem: tuple[ImageFile, str] | None = None
    for file in files:
        try:
            found.add(_read(file.path, limits))
        except (ImageError, OSError) as err:
            problem = problem or (file, with_options(err, file.path))
        if len(found) >= needed:
            break
    return _Class(label=label, split=split, files=files, readable=len(found), problem=problem)


def _read(path: Path, limits: DecodeLimits) -> str:
    data = read_image_file(path, max_bytes=limits.max_bytes)
    decode_image(data, shorter_px=_PROBE_PX, limits=limits)
    return hashlib.sha256(data).hexdigest()


def _too_small(folder: Folder, small: Sequence[_Class]) -> Finding:
    listed = ", ".join(one.described for one in small[:_LISTED])
    more = f" and {len(small) - _LISTED} more" if len(small) > _LISTED else ""
    noun = "class has" if len(small) == 1 else "classes have"
    problem = next((one.problem for one in small if one.problem), None)
    reason = f"; {folder.relative(problem[0])!r}: {problem[1]}" if problem else ""
    rest = len(folder.labels) - len({one.label for one in small})
    leave_out = f", or leave them out with --min-images {_NEEDED}" if rest >= 2 else ""
    return Finding(
        kind="empty_or_small_classes",
        severity="error",
        message=f"{len(small)} {noun} too few images that can be used, a class needs at least "
        f"{_NEEDED}: {listed}{more}{reason}",
        count=sum(len(one.files) for one in small),
        next_step=f"add images or remove the folders{leave_out}",
    )


def _without(folder: Folder, small: Sequence[_Class], min_images: int) -> Folder:
    gone: Mapping[str, _Class] = {one.label: one for one in small}
    labels = tuple(label for label in folder.labels if label not in gone)
    left = [file for file in folder.files if file.label in gone]
    listed = ", ".join(one.described for one in list(gone.values())[:_LISTED])
    more = f" and {len(gone) - _LISTED} more" if len(gone) > _LISTED else ""
    finding = Finding(
        kind="small_classes_left_out",
        severity="warning",
        message=f"{len(gone)} {'class' if len(gone) == 1 else 'classes'} of fewer than "
        f"{max(min_images, _NEEDED)} images left out: {listed}{more}",
        count=len(left),
        example=folder.relative(left[0]) if left else None,
        next_step="add images of them if the model is to know them",
    )
    if len(labels) < 2:
        finding = replace(
            finding,
            severity="error",
            message=f"--min-images {min_images} leaves {len(labels)} of {len(folder.labels)} classes: "
            f"{listed}{more} have fewer",
            next_step="ask for fewer, or add images",
        )
        return replace(folder, findings=costliest_first([*folder.findings, finding]))
    return replace(
        folder,
        labels=labels,
        files=tuple(file for file in folder.files if file.label not in gone),
        findings=costliest_first([*folder.findings, finding]),
    )
