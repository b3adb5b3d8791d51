"""What a folder means: which files are images of which class, in which given split.

Two layouts: `DATA/<class>/…` and `DATA/{train,val|valid|validation,test}/<class>/…`. Class folders
are searched at any depth. Labels are folder names in Unicode NFC, in natural order, and are stored:
nobody derives them from a folder listing again.
"""

import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from inference.formats import IMAGE_SUFFIXES
from training.errors import DataError

Split = Literal["train", "val", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "val", "test")

_SPLIT_FOLDERS: Final[Mapping[str, Split]] = {
    "train": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
}
# Images that belong to no class, for testing rejection; never a class of their own.
UNKNOWN_FOLDER: Final = "_unknown"
_NAMED_LABELS: Final = 20
_CLUTTER: Final = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """One file that should be an image. `split` is None where the folder gives no split."""

    path: Path
    label: str
    split: Split | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder's content. `ignored` counts the files that are no images by their suffix.

    `unknown` are the images of `_unknown`, beside the classes or the splits; their label is that name.
    """

    root: Path
    labels: tuple[str, ...]
    files: tuple[ImageFile, ...]
    ignored: Mapping[str, int]
    given_splits: tuple[Split, ...]
    unknown: tuple[ImageFile, ...] = ()

    def relative(self, file: ImageFile) -> str:
        """Return the file's path below the folder, for messages and reports.

        Bytes that are no UTF-8 (of an old archive's file names) become replacement characters.
        """
        return _readable(str(file.path.relative_to(self.root)))


def read_folder(root: Path) -> Folder:
    """Find the classes and their files.

    Raises:
        DataError: the folder is missing, empty, has one class, or its splits differ in classes.
    """
    _check_is_folder(root)
    try:
        split_roots = _split_roots(root)
        found = [entry for split, path in split_roots for entry in _class_files(path, split)]
        unknown = tuple(_unknown_files({root, *(path for _, path in split_roots)}))
    except PermissionError as err:
        raise DataError(f"folder {err.filename!r} may not be read; change its permissions") from err
    files = tuple(entry for entry in found if isinstance(entry, ImageFile))
    ignored = Counter(entry for entry in found if isinstance(entry, str))
    class_folders = {split: _class_folders(path) for split, path in split_roots}
    labels = _check_labels(root, class_folders)
    splits = tuple(split for split in SPLITS if split in class_folders)
    return Folder(
        root=root,
        labels=labels,
        files=files,
        ignored=ignored,
        given_splits=splits,
        unknown=unknown,
    )


def read_known_folder(root: Path, labels: Sequence[str]) -> Folder:
    """Find images of the classes that a model knows, to evaluate it on; some classes may be missing.

    Raises:
        DataError: the folder is missing or has no class folder, or one that the model does not know.
    """
    _check_is_folder(root)
    try:
        present = _class_folders(root)
        if unknown := sorted(present.keys() - set(labels), key=natural_key):
            raise DataError(_unknown_class_message(root, unknown, labels))
        if not present:
            raise DataError(f"{str(root)!r} has no class folders of the model; {_known(labels)}")
        found = list(_class_files(root, None))
        others = tuple(_unknown_files({root}))
    except PermissionError as err:
        raise DataError(f"folder {err.filename!r} may not be read; change its permissions") from err
    return Folder(
        root=root,
        labels=tuple(label for label in labels if label in present),
        files=tuple(entry for entry in found if isinstance(entry, ImageFile)),
        ignored=Counter(entry for entry in found if isinstance(entry, str)),
        given_splits=(),
        unknown=others,
    )


def natural_key(text: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that puts "class10" after "class2"; case counts only between equals."""
    parts = re.split(r"([0-9]+)", text.casefold())
    return [(0, int(p), "") if p.isdecimal() else (1, 0, p) for p in parts if p], text


def _check_is_folder(root: Path) -> None:
    if not root.is_dir():
        kind = "is a file" if root.exists() else "does not exist"
        raise DataError(
            f"data folder {str(root)!r} {kind}; give a folder with one subfolder per class"
        )


def _unknown_class_message(root: Path, unknown: Sequence[str], labels: Sequence[str]) -> str:
    if all(label.casefold() in _SPLIT_FOLDERS for label in unknown):
        return (
            f"{str(root)!r} has splits; give the folder of one, such as {str(root / unknown[0])!r}"
        )
    return (
        f"folder {unknown[0]!r} is no class of the model; {_known(labels)}. Rename it, or call it "
        f"{UNKNOWN_FOLDER!r} if it holds what the model cannot know"
    )


def _known(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _NAMED_LABELS} more" if len(labels) > _NAMED_LABELS else ""
    return f"it knows {', '.join(map(repr, labels[:_NAMED_LABELS]))}{more}"


def _readable(name: str) -> str:
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _split_roots(root: Path) -> list[tuple[Split | None, Path]]:
    named: dict[Split, Path] = {}
    for path in _subfolders(root):
        split = _SPLIT_FOLDERS.get(path.name.casefold())
        if split is None:
            continue
        if split in named:
            raise DataError(f"both {named[split].name!r} and {path.name!r} mean {split}; keep one")
        named[split] = path
    # "train" may also be a class (of vehicles): then it holds images itself.
    if "train" not in named or _holds_images(named["train"]):
        return [(None, root)]
    if set(named) == {"train"}:
        return [(None, named["train"])]
    return [(split, named[split]) for split in SPLITS if split in named]


def _subfolders(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not _is_clutter(path.name) and path.name != UNKNOWN_FOLDER
    )


def _holds_images(folder: Path) -> bool:
    return any(p.suffix.lower() in IMAGE_SUFFIXES and p.is_file() for p in folder.iterdir())


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _CLUTTER


def _class_folders(root: Path) -> dict[str, Path]:
    folders: dict[str, Path] = {}
    for path in _subfolders(root):
        label = unicodedata.normalize("NFC", path.name)
        if label != _readable(label):
            raise DataError(
                f"class folder {_readable(label)!r} has a name that is not in UTF-8; rename it"
            )
        if label in folders:
            raise DataError(
                f"class folders {folders[label].name!r} and {path.name!r} differ only in how their "
                "letters are encoded; merge them"
            )
        folders[label] = path
    return folders


def _class_files(root: Path, split: Split | None) -> Iterator[ImageFile | str]:
    """Yield the image files below each class folder, and the suffix of each other file."""
    for label, folder in _class_folders(root).items():
        for path in _walk(folder):
            suffix = path.suffix.lower()
            if suffix in IMAGE_SUFFIXES:
                yield ImageFile(path=path, label=label, split=split)
            else:
                yield suffix or "(no suffix)"


def _unknown_files(places: set[Path]) -> Iterator[ImageFile]:
    for place in sorted(places):
        for path in _walk(place / UNKNOWN_FOLDER) if (place / UNKNOWN_FOLDER).is_dir() else ():
            if path.suffix.lower() in IMAGE_SUFFIXES:
                yield ImageFile(path=path, label=UNKNOWN_FOLDER, split=None)


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files below `folder` in a stable order, each real folder once (links may loop)."""
    # A link up the tree would bring other classes' images in under this label.
    seen = {os.path.realpath(parent) for parent in folder.absolute().parents}
    for current, subfolders, names in os.walk(folder, followlinks=True, onerror=_raise):
        real = os.path.realpath(current)
        if real in seen:
            subfolders.clear()
            continue
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if not _is_clutter(name))
        yield from (Path(current, name) for name in sorted(names) if not _is_clutter(name))


def _raise(error: OSError) -> None:
    raise error


def _check_labels(
    root: Path, class_folders: Mapping[Split | None, Mapping[str, Path]]
) -> tuple[str, ...]:
    everywhere = {label for folders in class_folders.values() for label in folders}
    if len(everywhere) < 2:
        have = f"only the class {next(iter(everywhere))!r}" if everywhere else "no class folders"
        raise DataError(
            f"{str(root)!r} has {have}; put the images into at least two subfolders, one per class"
        )
    for split, folders in class_folders.items():
        if missing := sorted(everywhere - folders.keys(), key=natural_key):
            raise DataError(
                f"{split}/ lacks the class folders {missing}; every split needs all classes"
            )
    return tuple(sorted(everywhere, key=natural_key))
