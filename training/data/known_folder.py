"""Images of the classes that a model knows, to evaluate it on: as a run reads its data, but less is asked.

One class, or one photo of each, is enough; a class that the model does not know is not.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from training.data.cache import default_cache_dir
from training.data.class_folders import label_of
from training.data.finding import costliest_first, named, quoted
from training.data.folder import UNKNOWN_FOLDER, Folder, ImageFile
from training.data.folder_check.groups_in_folders import GROUPS
from training.data.folder_check.labels_file_lines import NONE_FITS
from training.data.folder_check.twin_names import twin_key
from training.data.layout import look_at_folder, natural_key, raise_errors
from training.data.place import Place, look_at
from training.data.split_names import split_names
from training.data.unpacked_archive import is_archive, unpack
from training.errors import DataError
from training.label_source import FOLDER_NAMES, LabelSource

_NAMED_LABELS: Final = 20


def open_known_folder(
    data: Path,
    labels: Sequence[str],
    source: LabelSource = FOLDER_NAMES,
    *,
    cache_dir: Path | None = None,
) -> Folder:
    """Find images of a model's classes in a folder, or in an archive, which is unpacked into the cache.

    Args:
        data: with a folder for each class, some of which may be missing; or what `source` says.
        labels: of the model, in its order.
        source: where labels come from, if not from folder names.
        cache_dir: where an archive is unpacked; the user's cache folder if None.

    Raises:
        DataError: there is nothing of the model's classes, or something of another.
        ConfigError: an option about labels cannot be used.
    """
    archive = unpack(data, cache_dir or default_cache_dir()) if is_archive(data) else None
    place = look_at(data if archive is None else archive.folder)
    folder = look_at_folder(place.path, source)
    # Nothing is split here.
    folder = replace(folder, findings=tuple(f for f in folder.findings if f.kind != GROUPS))
    if archive is not None:
        findings = costliest_first([*archive.findings, *folder.findings])
        folder = replace(folder, findings=findings)
    if source == FOLDER_NAMES and folder.labels_file is None and place.subplaces:
        present = {label_of(sub): sub for sub in place.subplaces}
        if set(present) <= set(labels) and not _labels_fit_nothing(folder):
            return _class_folders(folder, place, present, labels)
    return _as_for_training(folder, place, labels, source)


def _labels_fit_nothing(folder: Folder) -> bool:
    return any(finding.kind == NONE_FITS for finding in folder.findings)


def _class_folders(
    looked_at: Folder, place: Place, present: dict[str, Place], labels: Sequence[str]
) -> Folder:
    """Return the images of folders that are named like the model's classes: nothing is to be asked."""
    unknown = place.unknown()
    return Folder(
        root=place.path,
        labels=tuple(label for label in labels if label in present),
        files=tuple(
            ImageFile(path=path, label=label, split=None)
            for label, sub in present.items()
            for path in sub.images()
        ),
        ignored=looked_at.ignored,
        given_splits=(),
        findings=tuple(one for one in looked_at.findings if one.severity != "error"),
        unknown=tuple(
            ImageFile(path=path, label=UNKNOWN_FOLDER, split=None)
            for path in (unknown.images() if unknown is not None else ())
        ),
    )


def _as_for_training(
    folder: Folder, place: Place, labels: Sequence[str], source: LabelSource
) -> Folder:
    """Take what a run would: a wrapping folder, labels in a file or in the files' names."""
    if folder.given_splits or _are_splits(place):
        example = next((sub.name for sub in place.subplaces), "test")
        raise DataError(
            f"{quoted(str(place.path))} has splits; give the folder of one, such as "
            f"{quoted(str(place.path / example))}"
        )
    by_folder = source == FOLDER_NAMES and folder.labels_file is None
    names = folder.labels or (tuple(map(label_of, place.subplaces)) if by_folder else ())
    if unknown := sorted(set(names) - set(labels), key=natural_key):
        raise DataError(_unknown_classes(unknown, labels, by_folder=by_folder))
    if folder.files and not by_folder:  # one label is enough here
        folder = replace(
            folder, findings=tuple(one for one in folder.findings if one.kind != "no_classes")
        )
    raise_errors(folder)
    if not folder.files:
        raise DataError(
            f"{quoted(str(place.path))} has no class folders of the model; {_known(labels)}"
        )
    return replace(folder, labels=tuple(label for label in labels if label in folder.labels))


def _are_splits(place: Place) -> bool:
    names = [sub.name for sub in place.subplaces]
    return bool(names) and len(split_names(names)) == len(names)


def _unknown_classes(unknown: Sequence[str], labels: Sequence[str], *, by_folder: bool) -> str:
    noun = "folder" if by_folder else "label"
    are = f"{noun} {named(unknown)} is no class"
    if len(unknown) > 1:
        are = f"{noun}s {named(unknown, most=_NAMED_LABELS)} are no classes"
    text = f"{are} of the model; {_known(labels)}.{_twins(unknown, labels)}"
    if not by_folder:
        return f"{text} Correct the labels, or leave these images out"
    them, it, holds = ("them", "one", "it holds") if len(unknown) > 1 else ("it", "it", "it holds")
    return f"{text} Rename {them}, or call {it} {UNKNOWN_FOLDER!r} if {holds} what the model cannot know"


def _twins(unknown: Sequence[str], labels: Sequence[str]) -> str:
    """Say which class a label was probably meant to be."""
    known = {twin_key(label): label for label in labels}
    meant = {one: known[twin_key(one)] for one in unknown if twin_key(one) in known}
    if not meant:
        return ""
    pairs = ", ".join(f"{quoted(one)} is probably {quoted(label)}" for one, label in meant.items())
    return f" {pairs}."


def _known(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _NAMED_LABELS} more" if len(labels) > _NAMED_LABELS else ""
    return f"it knows {', '.join(map(repr, labels[:_NAMED_LABELS]))}{more}"
