"""Images of the classes that a model knows, to evaluate it on: as a run reads its data, but less is asked.

One class, or one photo of each, is enough; a class that the model does not know is not.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from training.data.cache import default_cache_dir
from training.data.class_folders import label_of
from training.data.folder import UNKNOWN_FOLDER, Folder, ImageFile
from training.data.layout import count_others, look_at_folder, natural_key, raise_errors
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
    root = unpack(data, cache_dir or default_cache_dir()).folder if is_archive(data) else data
    place = look_at(root)
    if source == FOLDER_NAMES and place.subplaces:
        present = {label_of(sub): sub for sub in place.subplaces}
        if set(present) <= set(labels):
            return _class_folders(place, present, labels)
    return _as_for_training(place, labels, source)


def _class_folders(place: Place, present: dict[str, Place], labels: Sequence[str]) -> Folder:
    unknown = place.unknown()
    return Folder(
        root=place.path,
        labels=tuple(label for label in labels if label in present),
        files=tuple(
            ImageFile(path=path, label=label, split=None)
            for label, sub in present.items()
            for path in sub.images()
        ),
        ignored=count_others(place),
        given_splits=(),
        unknown=tuple(
            ImageFile(path=path, label=UNKNOWN_FOLDER, split=None)
            for path in (unknown.images() if unknown is not None else ())
        ),
    )


def _as_for_training(place: Place, labels: Sequence[str], source: LabelSource) -> Folder:
    """Read what a run would: a wrapping folder, labels in a file or in the files' names."""
    folder = look_at_folder(place.path, source)
    if folder.given_splits or _are_splits(place):
        example = next((sub.name for sub in place.subplaces), "test")
        raise DataError(
            f"{str(place.path)!r} has splits; give the folder of one, such as "
            f"{str(place.path / example)!r}"
        )
    names = folder.labels or tuple(map(label_of, place.subplaces))
    if unknown := sorted(set(names) - set(labels), key=natural_key):
        raise DataError(_unknown_class(unknown[0], labels, source))
    raise_errors(folder)
    if not folder.files:
        raise DataError(f"{str(place.path)!r} has no class folders of the model; {_known(labels)}")
    return replace(folder, labels=tuple(label for label in labels if label in folder.labels))


def _are_splits(place: Place) -> bool:
    names = [sub.name for sub in place.subplaces]
    return bool(names) and len(split_names(names)) == len(names)


def _unknown_class(label: str, labels: Sequence[str], source: LabelSource) -> str:
    if source != FOLDER_NAMES:
        return f"label {label!r} is no class of the model; {_known(labels)}"
    return (
        f"folder {label!r} is no class of the model; {_known(labels)}. Rename it, or call it "
        f"{UNKNOWN_FOLDER!r} if it holds what the model cannot know"
    )


def _known(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _NAMED_LABELS} more" if len(labels) > _NAMED_LABELS else ""
    return f"it knows {', '.join(map(repr, labels[:_NAMED_LABELS]))}{more}"
