"""Labels in the names of files: `cat.0.jpg`, `dog_12.jpg`, `camera1/scratch/7.png`.

`--label-from REGEX` is searched in a file's name or, where it holds a slash, in its path below the data
folder; its first group is the label.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from training.data.finding import Finding, counted
from training.data.folder import ImageFile, Split, readable
from training.data.folder_check.twin_names import twin_labels
from training.data.layout_draft import LayoutDraft
from training.data.place import Place
from training.data.split_names import split_names
from training.errors import ConfigError

# Patterns that are looked for, in this order.
_COMMON: Final = (
    r"^(.+?)\.\d+\.",  # cat.0.jpg
    r"^(.+?)[ _-]*\(\d+\)\.",  # cat (12).jpg
    r"^(.+?)[ _-]+\d+\.",  # Abyssinian_100.jpg
    r"^([^\W\d_]+)\d+\.",  # cat12.jpg
    r"^([^_]+)_",  # cat_x8f.jpg
    r"^([^-]+)-",
)
# What cameras, telephones and programs call every photo.
_NO_LABELS: Final = frozenset(
    [
        "img",
        "dsc",
        "dscn",
        "dscf",
        "pxl",
        "image",
        "images",
        "photo",
        "photos",
        "pic",
        "picture",
        "screenshot",
        "screen",
        "vid",
        "mvimg",
        "wp",
        "sam",
        "kakaotalk",
        "whatsapp",
        "signal",
        "received",
        "burst",
        "download",
        "file",
        "frame",
        "scan",
        "p",
    ]
)
_SHARE: Final = 0.95
_PER_LABEL: Final = 2


def find_pattern(names: Sequence[str]) -> tuple[str, dict[str, int]] | None:
    """Return a pattern that gives nearly all names a label, and how many of each; None where none does."""
    for pattern in _COMMON:
        compiled = re.compile(pattern)
        found = Counter(m[1] for name in names if (m := compiled.search(name)))
        sensible = len(found) >= 2 and min(found.values()) >= _PER_LABEL
        if sensible and found.total() >= _SHARE * len(names) and not _is_camera(found):
            return pattern, dict(found.most_common())
    return None


def offer_pattern(names: Sequence[str]) -> str:
    """Return words that offer a pattern for names, to go on after; empty where none is found."""
    found = find_pattern(names)
    if found is None:
        return ""
    pattern, counts = found
    labels = ", ".join(f"{label!r} ({n:,})" for label, n in list(counts.items())[:5])
    more = f" and {len(counts) - 5} more" if len(counts) > 5 else ""
    return f"take the labels from the file names with --label-from '{pattern}' (gives {labels}{more}), "


def read_by_pattern(root: Place, pattern: str) -> LayoutDraft:
    """Label every image below `root` by its name or path.

    Raises:
        ConfigError: the pattern is no regular expression, or has no group.
    """
    compiled = _compile(pattern)
    outer = _past_wrappers(root)
    places = [root] if outer is root else [root, outer]
    draft = LayoutDraft(words=f"labels from file names by '{pattern}'", places=places)
    of_no_class = {path for place in places for path in _unknown_images(place)}
    in_path = "/" in pattern
    found: list[tuple[ImageFile, str]] = []
    unmatched = []
    for path in root.images():
        if path in of_no_class:
            continue
        below = readable(path.relative_to(root.path).as_posix())
        match = compiled.search(below if in_path else readable(path.name))
        label = unicodedata.normalize("NFC", match[1] or "").strip() if match else ""
        if label:
            found.append((ImageFile(path=path, label=label, split=None), below))
        else:
            unmatched.append(below)
    splits = _splits(outer, {file.label for file, _ in found})
    for file, below in found:
        name = file.path.relative_to(outer.path).parts[0] if splits else ""
        split = splits.get(readable(name))
        if not splits or split is not None:
            draft.files.append(ImageFile(path=file.path, label=file.label, split=split))
        else:
            unmatched.append(below)
    _describe(draft, pattern, unmatched)
    return draft


def _unknown_images(place: Place) -> list[Path]:
    unknown = place.unknown()
    return [] if unknown is None else list(unknown.images())


def _compile(pattern: str) -> "re.Pattern[str]":
    try:
        compiled = re.compile(pattern)
    except re.error as err:
        raise ConfigError(f"--label-from '{pattern}' is no regular expression: {err}") from err
    if compiled.groups < 1:
        raise ConfigError(
            f"--label-from '{pattern}' has no group; put the part that is the label into (…)"
        )
    return compiled


def _past_wrappers(root: Place) -> Place:
    """Return the folder inside in which the images part ways."""
    outer = root
    while len(outer.with_images) == 1 and not outer.folder.images:
        (outer,) = outer.with_images
    return outer


def _splits(root: Place, labels: set[str]) -> dict[str, Split]:
    """Return the folders that are splits: `train` is among them, and none is a label itself."""
    names = split_names(sub.name for sub in root.with_images)
    is_split = "train" in names.values() and not labels & names.keys()
    return {readable(name): split for name, split in names.items()} if is_split else {}


def _describe(draft: LayoutDraft, pattern: str, unmatched: Sequence[str]) -> None:
    by_split: dict[Split | None, list[str]] = {}
    for file in draft.files:
        labels = by_split.setdefault(file.split, [])
        if file.label not in labels:
            labels.append(file.label)
    if set(by_split) == {"train"}:  # nothing is split off yet
        by_split = {None: by_split["train"]}
        draft.files = [ImageFile(path=f.path, label=f.label, split=None) for f in draft.files]
    draft.labels = by_split
    labels = draft.every_label()
    draft.findings += twin_labels(labels)
    if len(labels) < 2:
        have = f"one label, {labels[0]!r}" if labels else "no label"
        draft.findings.append(
            Finding(
                kind="label_pattern",
                severity="error",
                message=f"--label-from '{pattern}' gives {have}, on "
                f"{counted(len(draft.files) + len(unmatched), 'image')}",
                count=len(unmatched),
                example=unmatched[0] if unmatched else None,
                next_step="its first group must match the label in a file's name, or in its path "
                "where the pattern holds a slash",
            )
        )
    elif unmatched:
        draft.findings.append(
            Finding(
                kind="label_pattern",
                severity="warning",
                message=f"{counted(len(unmatched), 'image')} left out: no label by --label-from "
                f"'{pattern}'",
                count=len(unmatched),
                example=unmatched[0],
                next_step="widen the pattern if they are wanted",
            )
        )


def _is_camera(found: Counter[str]) -> bool:
    """Whether the names are those that cameras give: they say nothing of what is in the photo."""
    words = [re.sub(r"[\W\d_]+", "", label).casefold() for label in found]
    return sum(word in _NO_LABELS or not word for word in words) * 2 >= len(words)
