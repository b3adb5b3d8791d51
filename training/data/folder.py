"""An image folder as it was understood: its classes, its files, and what was noticed about it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from inference.manifest import LabelsFileInfo
from training.data.finding import Finding

Split = Literal["train", "val", "test"]
SPLITS: Final[tuple[Split, ...]] = ("train", "val", "test")
# Images that belong to no class, for testing rejection; never a class of their own.
UNKNOWN_FOLDER: Final = "_unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFile:
    """One file that should be an image. `split` is None where the folder gives no split."""

    path: Path
    label: str
    split: Split | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSummary:
    """What a label stands for: how many image files, and one of them, below the folder."""

    label: str
    files: int
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder's content.

    Attributes:
        labels: index = class, in natural order.
        ignored: files that hold no picture, by suffix.
        unknown: the images of `_unknown`, beside the classes or the splits; their label is that name.
        layout: in words, where the labels come from.
        findings: what the folder check noticed, the costliest first. With an error, the folder is
            only good for a report.
        labels_file: the file that gave or corrected labels, and what it did.
    """

    root: Path
    labels: tuple[str, ...]
    files: tuple[ImageFile, ...]
    ignored: Mapping[str, int]
    given_splits: tuple[Split, ...]
    unknown: tuple[ImageFile, ...] = ()
    layout: str = "one subfolder per class"
    findings: tuple[Finding, ...] = ()
    labels_file: LabelsFileInfo | None = None

    def relative(self, file: ImageFile) -> str:
        """Return the file's path below the folder, for messages and reports."""
        return readable(str(file.path.relative_to(self.root)))

    def classes(self) -> Iterator[ClassSummary]:
        """Yield what was taken for each class, in the labels' order."""
        counts = dict.fromkeys(self.labels, 0)
        examples: dict[str, str] = {}
        for file in self.files:
            counts[file.label] += 1
            if file.label not in examples:
                examples[file.label] = self.relative(file)
        for label, count in counts.items():
            yield ClassSummary(label=label, files=count, example=examples.get(label, ""))


def readable(name: str) -> str:
    """Return a name as it can be printed.

    Bytes that are no UTF-8 (of an old archive's file names) become replacement characters.
    """
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
