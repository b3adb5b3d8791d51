"""Folders that hold the same subfolders, at any depth: the classes may be further down."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from training.data.finding import Finding, counted, named
from training.data.folder import readable
from training.data.folder_check.date_names import is_date
from training.data.place import Place
from training.data.split_names import says_nothing, split_names

_SHARED: Final = 0.5
_HAVING: Final = 2 / 3
_DEEPEST: Final = 12
_LISTED_NAMES: Final = 20


@dataclass(frozen=True, slots=True)
class _Level:
    """Folders of which each may be a class: those of one depth below each outer folder.

    Attributes:
        folders: for each outer folder, those below it.
        shared: names that lie below more than one outer folder.
    """

    folders: Sequence[Sequence[Place]]
    shared: frozenset[str]

    @property
    def names(self) -> str:
        """Its folders' names in quotes, those that lie below several outer folders first."""
        every = {sub.name for folders in self.folders for sub in folders}
        return named(map(readable, sorted(every, key=lambda name: (name not in self.shared, name))))


def classes_further_down(place: Place, root: Place) -> list[Finding]:
    """Ask which level names the classes, where more than one could."""
    outer = [one for one in place.with_images if _mostly_below(one)]
    if len(outer) < 2 or len(outer) < _HAVING * len(place.with_images):
        return []
    levels = list(_levels(outer)) or list(_dated(outer))
    if not levels:
        return []
    deepest = levels[-1]
    example = next(next(one for folders in deepest.folders for one in folders).images())
    readings = [
        f"--label-from '{_pattern(level, root)}' to take {level.names} as classes"
        for level in reversed(levels)
    ]
    upper = named(readable(one.name) for one in place.with_images)
    readings.append(f"--label-from '{level_pattern(_depth(place, root))}' to take {upper}")
    return [
        Finding(
            kind="classes_one_level_down",
            severity="error",
            cost="labels",
            message=f"the {counted(len(outer), 'folder')} {named(readable(one.name) for one in outer)} "
            f"have the same subfolders {deepest.names}: either level may be the classes",
            count=place.num_images,
            example=readable(example.relative_to(root.path).as_posix()),
            next_step=f"add {', or '.join(readings)}",
        )
    ]


def level_pattern(depth: int) -> str:
    """Return the pattern whose group is the folder at that depth of a path, 0 being the outermost."""
    return f"^{'[^/]+/' * depth}([^/]+)/"


def _mostly_below(one: Place) -> bool:
    """Whether most images of a folder lie in subfolders: a cover beside them does not count."""
    return len(one.folder.images) * 2 < one.num_images


def _levels(outer: Sequence[Place]) -> Iterator[_Level]:
    """Yield the levels that may name the classes, from the outside in."""
    found = False
    every_name: list[list[Place]] = [[] for _ in outer]
    seen: list[set[str]] = [set() for _ in outer]
    current = [_below([one], known) for one, known in zip(outer, seen, strict=True)]
    for _ in range(_DEEPEST):
        if not any(current):
            break
        level = _Level(current, _shared(outer, current))
        if level.shared:
            found = True
            yield level
        for leaves, folders in zip(every_name, current, strict=True):
            leaves += [one for one in folders if not _inside(one)]
        current = [_below(folders, known) for folders, known in zip(current, seen, strict=True)]
    if not found:  # of different depth in each
        level = _Level(every_name, _shared(outer, every_name))
        if level.shared:
            yield level


def _dated(outer: Sequence[Place]) -> Iterator[_Level]:
    """Yield the folders that hold the images of several dates, where the outer folders are dates."""
    if not all(is_date(one.name) for one in outer):
        return
    above = [one.above | {one.folder.real} for one in outer]
    below = [
        [
            Place(path=path, folder=folder, above=known)
            for path, folder in one.folders()
            if folder.images and path != one.path and not says_nothing(path.name)
        ]
        for one, known in zip(outer, above, strict=True)
    ]
    counts = Counter(name for folders in below for name in {sub.name for sub in folders})
    shared = frozenset(name for name, number in counts.items() if number > 1 and not is_date(name))
    if shared:
        yield _Level(below, shared)


def _below(folders: Sequence[Place], seen: set[str]) -> list[Place]:
    """Return the subfolders of all; each real folder once, for links may lead to it again and again."""
    found = []
    for sub in (sub for one in folders for sub in _inside(one)):
        if sub.folder.real not in seen:
            seen.add(sub.folder.real)
            found.append(sub)
    return found


def _inside(one: Place) -> list[Place]:
    """Return the subfolders with images, past folders that only wrap them."""
    inner = one
    for _ in range(_DEEPEST):
        if len(inner.with_images) != 1 or inner.folder.images:
            break
        (inner,) = inner.with_images
    subs = list(inner.with_images)
    return subs if len(subs) > 1 else []


def _shared(outer: Sequence[Place], below: Sequence[Sequence[Place]]) -> frozenset[str]:
    """Return the names that lie below several outer folders, where they are what lies below most."""
    names = [{sub.name for sub in folders} for folders in below]
    counts = Counter(name for one in names for name in one)
    shared = frozenset(name for name, number in counts.items() if number > 1)
    having = sum(not shared.isdisjoint(one) for one in names)
    if having < _HAVING * len(outer) or len(shared) < _SHARED * len(counts):
        return frozenset()
    are_splits = "train" in split_names(shared).values()
    return frozenset() if len(shared) < 2 or are_splits or all(map(is_date, shared)) else shared


def _pattern(level: _Level, root: Place) -> str:
    folders = [one for below in level.folders for one in below]
    depths = {_depth(one, root) for one in folders}
    if len(depths) == 1:
        return level_pattern(depths.pop() - 1)
    if len(level.shared) > _LISTED_NAMES or len(level.shared) < 2:
        return "([^/]+)/[^/]+$"
    return f"(?:^|/)({'|'.join(re.escape(readable(name)) for name in sorted(level.shared))})/"


def _depth(place: Place, root: Place) -> int:
    return len(place.path.relative_to(root.path).parts)
