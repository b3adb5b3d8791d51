"""Labels by folder: which folders are classes, which are splits, and which only stand around them."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from training.data.finding import Finding
from training.data.folder import SPLITS, ImageFile, Split, readable
from training.data.folder_check.date_names import is_date
from training.data.folder_check.flat_images import (
    no_classes,
    no_labelled_training,
    unlabelled_splits,
)
from training.data.folder_check.folders_beside_splits import beside_splits, train_beside_others
from training.data.folder_check.loose_images import loose_images
from training.data.folder_check.nested_classes import classes_further_down
from training.data.folder_check.split_or_class import split_or_class
from training.data.folder_check.twin_names import twin_classes, twin_key
from training.data.folder_check.two_folders_of_a_split import two_of_a_split
from training.data.layout_draft import LayoutDraft
from training.data.place import Place
from training.data.split_names import says_nothing, split_names
from training.errors import DataError

# What stands beside the images of a data set and is no empty class.
_NO_CLASSES: Final = frozenset(
    ["labels", "annotations", "annotation", "xml", "xmls", "json", "csv", "docs", "doc", "masks"]
)


def read_class_folders(root: Place) -> LayoutDraft:
    """Find the classes of a folder: its subfolders, or those of its splits, below wrappers or not."""
    place = unwrap(root)
    draft = (
        _read_splits(place, root)
        or _read_classes_with_splits(place, root)
        or _read_classes(place, root)
    )
    draft.places += [root, place] if place is not root else [root]
    if place is not root:
        draft.findings += loose_images(root)
        below = place.path.relative_to(root.path).as_posix()
        draft.words += f", in {readable(below)}/"
    return draft


def unwrap(place: Place) -> Place:
    """Return the folder inside that holds the classes or splits, where folders only wrap it."""
    inner = place
    while len(inner.with_images) == 1 and _only_holds_images(inner):
        (only,) = inner.with_images
        if inner.folder.images and (only.folder.images or len(only.with_images) < 2):
            break  # images of its own, and no data set beside them
        inner = only
    subs = inner.with_images
    wraps = len(subs) > 1 and not inner.folder.images
    return inner if wraps and not all(is_date(sub.name) for sub in subs) else place


def label_of(place: Place) -> str:
    """Return a class folder's name as a label.

    Raises:
        DataError: it is not in UTF-8: a user of the model would read it.
    """
    label = unicodedata.normalize("NFC", place.name)
    if label != readable(label):
        raise DataError(
            f"class folder {readable(label)!r} has a name that is not in UTF-8; rename it"
        )
    return label


def _only_holds_images(place: Place) -> bool:
    """Whether what lies beside the one folder with images can be no class that is still empty."""
    return all(sub.num_images or sub.name.casefold() in _NO_CLASSES for sub in place.subplaces)


@dataclass(frozen=True, slots=True, kw_only=True)
class _SplitFolders:
    """Folders beside each other, told apart.

    Attributes:
        labelled: with the name of a split and with class folders.
        flat: with the name of a split and images without class folders.
        others: with images, and another name.
    """

    labelled: Sequence[tuple[Split, Place]]
    flat: Sequence[tuple[Split, Place]]
    others: Sequence[Place]

    @property
    def splits(self) -> set[Split]:
        """The splits that are named."""
        return {split for split, _ in (*self.labelled, *self.flat)}


def _tell_apart(place: Place) -> _SplitFolders:
    meant = split_names(sub.name for sub in place.with_images)
    named = [(meant[sub.name], sub) for sub in place.with_images if sub.name in meant]
    return _SplitFolders(
        labelled=[(split, sub) for split, sub in named if _holds_classes(sub)],
        flat=[(split, sub) for split, sub in named if not _holds_classes(sub)],
        others=[sub for sub in place.with_images if sub.name not in meant],
    )


def _holds_classes(place: Place) -> bool:
    """Whether a folder with a split's name has class folders: loose images are overlooked beside two."""
    inner = unwrap(place)
    if len(inner.with_images) != 1:
        return len(inner.with_images) > 1
    (only,) = inner.with_images  # `test1/test1/1.jpg`: no class
    return not inner.folder.images and only.name != place.name and not says_nothing(only.name)


def _read_splits(place: Place, root: Place) -> LayoutDraft | None:
    """Read `train/CLASS/…` beside `val/`, `test/`; None where the folders are no splits."""
    found = _tell_apart(place)
    training = [sub for split, sub in found.labelled if split == "train"]
    if training and found.others and found.splits == {"train"}:
        draft = LayoutDraft(words="unclear: a split or a class")
        draft.findings += train_beside_others(training[0], found.others)
        return draft
    if training:
        return _read_labelled_splits(place, root, found)
    if len(found.splits) > 1 and not found.others:
        draft = LayoutDraft(words="splits without class folders")
        draft.findings += no_labelled_training(
            place, root, [sub for _, sub in (*found.labelled, *found.flat)]
        )
        return draft
    return None


def _read_labelled_splits(place: Place, root: Place, found: _SplitFolders) -> LayoutDraft:
    draft = LayoutDraft(words="splits with one subfolder per class")
    draft.findings += two_of_a_split(found.labelled)
    draft.findings += unlabelled_splits([sub for _, sub in found.flat])
    draft.findings += beside_splits(found.others) + loose_images(place)
    named: dict[Split, Place] = {}
    for split, sub in found.labelled:
        named.setdefault(split, unwrap(sub))
    draft.findings += classes_further_down(named["train"], root)
    draft.split_folders = {
        split: readable(named[split].path.relative_to(root.path).as_posix()) for split in named
    }
    if set(named) == {"train"}:  # nothing was split off yet
        draft.words = "one subfolder per class"
        _add_classes(draft, [(None, named["train"])])
    else:
        _add_classes(draft, [(split, named[split]) for split in SPLITS if split in named])
    return draft


def _read_classes_with_splits(place: Place, root: Place) -> LayoutDraft | None:
    """Read `CLASS/train/…`, `CLASS/test/…`: every class folder has the same splits, train among them."""
    classes = place.with_images
    found = [split_names(sub.name for sub in one.with_images) for one in classes]
    inside = all(
        "train" in splits.values()
        and len(splits) == len(set(splits.values())) == len(one.with_images) > 1
        and not one.folder.images
        for one, splits in zip(classes, found, strict=True)
    )
    if len(classes) < 2 or not inside:
        return None
    draft = LayoutDraft(words="one subfolder per class, with splits in each")
    draft.findings += classes_further_down(place, root)
    draft.findings += twin_classes(classes) + loose_images(place)
    by_split: dict[Split | None, list[str]] = {}
    for split in SPLITS:
        for one, splits in zip(classes, found, strict=True):
            for sub in one.with_images:
                if splits[sub.name] == split:
                    by_split.setdefault(split, []).append(label_of(one))
                    draft.files += _files(sub, label_of(one), split)
    draft.labels = by_split
    return draft


def _read_classes(place: Place, root: Place) -> LayoutDraft:
    draft = LayoutDraft(words="one subfolder per class")
    if len(place.subplaces) < 2 or not place.with_images:
        draft.findings += _groups_in_a_wrapper(place, root) or no_classes(place, root)
        _add_classes(draft, [(None, place)])
        return draft
    draft.findings += classes_further_down(place, root) or split_or_class(place, root)
    draft.findings += loose_images(place)
    _add_classes(draft, [(None, place)])
    return draft


def _groups_in_a_wrapper(place: Place, root: Place) -> list[Finding]:
    """Ask about `photos/2023/cat`, `photos/2024/cat`: years are no classes by themselves."""
    inner = place
    while len(inner.with_images) == 1 and not inner.folder.images:
        (inner,) = inner.with_images
    return classes_further_down(inner, root)


def _add_classes(draft: LayoutDraft, splits: Sequence[tuple[Split | None, Place]]) -> None:
    """Add the class folders of each split. One spelling of a label holds in all splits: the first's."""
    spelling: dict[str, str] = {}
    labels: dict[Split | None, list[str]] = {}
    for split, place in splits:
        twins = twin_classes(place.subplaces)
        draft.findings += twins
        labels[split] = []
        for sub in place.subplaces:
            label = label_of(sub)
            if not twins:
                label = spelling.setdefault(twin_key(label), label)
            labels[split].append(label)
            draft.files += _files(sub, label, split)
        draft.places.append(place)
    draft.labels = labels


def _files(place: Place, label: str, split: Split | None) -> list[ImageFile]:
    return [ImageFile(path=path, label=label, split=split) for path in place.images()]
