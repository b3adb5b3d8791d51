"""Where the labels of a data set come from, where not from folder names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSource:
    """Where labels come from, where not from folder names.

    Attributes:
        labels: a file of labels.
        label_from: a regular expression whose first group is the label.
    """

    labels: Path | None = None
    label_from: str | None = None


FOLDER_NAMES: Final = LabelSource()
