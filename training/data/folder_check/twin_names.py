"""Class names that a person takes for one: `Cat` and `cat`, `cat` and `cat ␣`, one name encoded twice."""

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TypeVar

from training.data.finding import Finding, counted
from training.data.folder import readable
from training.data.place import Place

_T = TypeVar("_T")


def twin_key(label: str) -> str:
    """Return what twins have in common: without case, blanks and dots at the ends, unseen characters."""
    seen = "".join(
        c for c in unicodedata.normalize("NFC", label) if unicodedata.category(c) != "Cf"
    )
    return " ".join(seen.casefold().split()).strip(". ")


def twin_classes(classes: Sequence[Place]) -> list[Finding]:
    """Ask about folders that may be one class: never two in silence."""
    return [
        Finding(
            kind="twin_classes",
            severity="error",
            cost="labels",
            message=f"class folders {readable(one.name)!r} ({counted(one.num_images, 'image')}) and "
            f"{readable(two.name)!r} ({two.num_images:,}) differ only in {_difference(one.name, two.name)}",
            count=one.num_images + two.num_images,
            next_step="merge them, or rename one if they are two classes",
        )
        for one, two in _pairs((sub.name, sub) for sub in classes)
    ]


def twin_labels(labels: Iterable[str], *, known: Collection[str] = ()) -> list[Finding]:
    """Say which labels look like one, where a file or a pattern gave them on purpose.

    Of two that are `known` nothing is said: they were looked at before.
    """
    return [
        Finding(
            kind="twin_labels",
            severity="warning",
            cost="labels",
            message=f"labels {one!r} and {two!r} are two classes and differ only in "
            f"{_difference(one, two)}",
            next_step="give them one name if they are one class",
        )
        for one, two in _pairs((label, label) for label in labels)
        if one not in known or two not in known
    ]


def _pairs(named: Iterable[tuple[str, _T]]) -> Iterator[tuple[_T, _T]]:
    first: dict[str, _T] = {}
    for name, one in named:
        key = twin_key(name)
        if key in first:
            yield first[key], one
        first.setdefault(key, one)


def _difference(one: str, two: str) -> str:
    if unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", two):
        return "how their letters are encoded"
    if one.casefold() == two.casefold():
        return "upper and lower case"
    return "blanks, dots, case or characters that are not seen"
