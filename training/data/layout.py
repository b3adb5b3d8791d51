"""What a folder means: which files are images of which class, in which given split.

The labels come from a file, from the names of the images, or from the folders they lie in: `DATA/<class>/…`
and `DATA/{train,val,test}/<class>/…` under any usual names, also inside wrapping folders. Labels are in
Unicode NFC, in natural order, and are stored: nobody derives them from a folder listing again.
"""

import hashlib
import re
import shlex
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from training.data.class_folders import read_class_folders
from training.data.finding import Finding, costliest_first
from training.data.folder import UNKNOWN_FOLDER, Folder, ImageFile, readable
from training.data.folder_check.classes_of_splits import classes_of_splits
from training.data.folder_check.date_names import dates_as_classes
from training.data.folder_check.groups_in_folders import groups_in_folders
from training.data.folder_check.labels_file_lines import not_used
from training.data.folder_check.odd_suffixes import odd_suffixes
from training.data.folder_check.skipped_clutter import skipped_clutter
from training.data.folder_check.unknown_as_class import unknown_as_class
from training.data.folder_check.unread_files import unread_pictures
from training.data.folder_check.windows_names import windows_names
from training.data.label_pattern import read_by_pattern
from training.data.labels_file import LabelsFile, NoLabelColumn, read_labels_file
from training.data.labels_from_file import find_metadata, label_by_file
from training.data.layout_draft import LayoutDraft
from training.data.place import Place, look_at
from training.errors import DataError
from training.label_source import FOLDER_NAMES, LabelSource

_SHOWN_ERRORS: Final = 3


def read_folder(root: Path, source: LabelSource = FOLDER_NAMES) -> Folder:
    """Find the classes and their files.

    Raises:
        DataError: the folder is missing, or it is not sure what its classes are: the findings say why.
    """
    folder = look_at_folder(root, source)
    raise_errors(folder)
    return folder


def raise_errors(folder: Folder, *, all_in: str | None = None) -> None:
    """Stop where the folder check found errors; `all_in` is the command that lists all of them.

    Raises:
        DataError: it did; the costliest are named.
    """
    errors = [finding.sentence for finding in folder.findings if finding.severity == "error"]
    if errors:
        more = len(errors) - _SHOWN_ERRORS
        command = all_in or f"python -m training.audit {shlex.quote(readable(str(folder.root)))}"
        rest = f"; and {more} more, see {command}" if more > 0 else ""
        raise DataError("; ".join(errors[:_SHOWN_ERRORS]) + rest)


def look_at_folder(root: Path, source: LabelSource = FOLDER_NAMES) -> Folder:
    """Find the classes and their files; what stands in the way is among the findings.

    Raises:
        DataError: the folder, or the labels file, is missing or may not be read.
        ConfigError: `label_from` is no pattern.
    """
    place = look_at(root)
    draft = _read_draft(place, source)
    labels = draft.every_label()
    findings = [
        *draft.findings,
        *classes_of_splits(draft.labels, draft.split_folders),
        *unread_pictures(place),
        *odd_suffixes(place),
        *windows_names(labels),
        *unknown_as_class(labels),
        *(dates_as_classes(labels) if draft.usable else ()),
        *skipped_clutter(place),
        *(groups_in_folders(place, draft.files) if draft.usable else ()),
    ]
    return Folder(
        root=root,
        labels=tuple(sorted(labels, key=natural_key)),
        files=tuple(draft.files),
        ignored=count_others(place),
        given_splits=draft.given_splits,
        unknown=tuple(_unknown_files(draft.places)),
        layout=draft.words,
        findings=costliest_first(findings),
        labels_file=draft.applied,
    )


def _read_draft(place: Place, source: LabelSource) -> LayoutDraft:
    found = [] if source.label_from is not None else find_metadata(place)
    if source.labels is not None:
        # Corrections may lie on top of the folder's own file of labels, which may be the very one.
        found = [file for file in found if file.resolve() != source.labels.resolve()]
    base = _read_base(place, source.label_from)
    files, unusable = _read_metadata(found, known=base.every_label())
    draft = label_by_file(place, _joined(files, place), base) if files else base
    draft.findings += unusable
    if source.labels is not None:
        labels = read_labels_file(source.labels, known=draft.every_label())
        return label_by_file(place, labels, draft)
    return draft


def _read_base(place: Place, pattern: str | None) -> LayoutDraft:
    return read_class_folders(place) if pattern is None else read_by_pattern(place, pattern)


def _read_metadata(
    found: Sequence[Path], *, known: Sequence[str]
) -> tuple[list[LabelsFile], list[Finding]]:
    files, unusable = [], []
    for file in found:
        try:
            files.append(read_labels_file(file, known=known))
        except NoLabelColumn as err:
            unusable.append(not_used(file.name, str(err)))
    return files, unusable


def _joined(files: Sequence[LabelsFile], place: Place) -> LabelsFile:
    """Return the metadata files of several splits as one, with paths below the data folder."""
    if len(files) == 1:
        return files[0]
    lines = []
    for file in files:
        below = file.path.parent.relative_to(place.path).as_posix()
        lines += [replace(line, file_name=f"{below}/{line.file_name}") for line in file.lines]
    return LabelsFile(
        path=place.path / files[0].path.name,
        sha256=hashlib.sha256("".join(file.sha256 for file in files).encode()).hexdigest(),
        encoding=files[0].encoding,
        lines=tuple(lines),
        damaged=tuple(damage for file in files for damage in file.damaged),
    )


def natural_key(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that puts "class10" after "class2"; case counts only between equals."""
    parts = re.split(r"([0-9]+)", text.casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p], text


def count_others(place: Place) -> Counter[str]:
    """Count the other files by their suffix, in the class folders and elsewhere.

    Pictures of kinds that are not read are none of them: a finding names those.
    """
    return Counter(
        Path(name).suffix.lower() or "(no suffix)"
        for _, folder in place.folders()
        for name, kind in folder.others
        if not kind.holds_picture
    )


def _unknown_files(places: Sequence[Place]) -> list[ImageFile]:
    found = {place.path: place.unknown() for place in places}
    return [
        ImageFile(path=path, label=UNKNOWN_FOLDER, split=None)
        for _, unknown in sorted(found.items())
        if unknown is not None
        for path in unknown.images()
    ]
