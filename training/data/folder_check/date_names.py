"""Folders named by a date: when photos were taken is hardly ever what they show."""

import re
from collections.abc import Sequence
from typing import Final

from training.data.finding import Finding, named
from training.data.folder import readable

_DATE: Final = re.compile(r"(19|20)\d\d([-_. ]?\d\d){0,2}")


def is_date(name: str) -> bool:
    """Whether a name is a year, a month or a day, as `2023`, `2023-05`, `20230517`."""
    return _DATE.fullmatch(name) is not None


def dates_as_classes(labels: Sequence[str]) -> list[Finding]:
    """Say that all classes are dates."""
    if len(labels) < 2 or not all(map(is_date, labels)):
        return []
    return [
        Finding(
            kind="dates_as_classes",
            severity="info",
            cost="labels",
            message=f"all classes are named like dates: {named(map(readable, labels))}",
            next_step="put the images into one folder per class, unless the date is what the model "
            "is to learn",
        )
    ]
