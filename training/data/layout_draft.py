"""What a way of reading a folder made of it, before anything is said about it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inference.manifest import LabelsFileInfo
from training.data.finding import Finding
from training.data.folder import SPLITS, ImageFile, Split
from training.data.place import Place


@dataclass(slots=True, kw_only=True)
class LayoutDraft:
    """A folder as one way of reading understands it.

    Attributes:
        words: where the labels come from.
        labels: of each split, or of None, the labels that have a folder, with images or without.
        files: the images with labels.
        places: where a folder `_unknown` may lie.
        findings: what was noticed on the way. With an error, the rest is what could be made of it.
        split_folders: where each split lies, below the data folder.
        applied: what a file of labels did.
    """

    words: str
    labels: Mapping[Split | None, Sequence[str]] = field(default_factory=dict)
    files: list[ImageFile] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    split_folders: Mapping[Split, str] = field(default_factory=dict)
    applied: LabelsFileInfo | None = None

    @property
    def given_splits(self) -> tuple[Split, ...]:
        """The splits that the folder itself has."""
        return tuple(split for split in SPLITS if split in self.labels)

    @property
    def usable(self) -> bool:
        """Whether no error was found."""
        return all(finding.severity != "error" for finding in self.findings)

    def every_label(self) -> list[str]:
        """Return each label once, in the order in which they were met."""
        return list(dict.fromkeys(label for labels in self.labels.values() for label in labels))
