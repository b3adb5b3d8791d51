"""What an audit found, and its fixed JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.audit.duplicates import Duplicates, Group
from training.audit.outliers import Outlier
from training.audit.poor_images import PoorImages
from training.audit.suspect_labels import LabelCheck, SuspectLabel
from training.data.finding import Finding
from training.data.folder import SPLITS, Folder, Split
from training.data.scan import ScannedImage, UnreadableFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """What was found. Groups and rows are places in `images`.

    Attributes:
        images: every readable image, by row.
        unreadable: files that cannot be used.
        duplicates: files that show one photo.
        suspects: the most suspect first.
        label_check: of every image; None where labels were not checked.
        outliers: the farthest from their class first.
        poor: images that carry little information.
        findings: the worst first.
    """

    folder: Folder
    images: tuple[ScannedImage, ...]
    unreadable: tuple[UnreadableFile, ...]
    duplicates: Duplicates
    suspects: tuple[SuspectLabel, ...]
    outliers: tuple[Outlier, ...]
    poor: PoorImages
    findings: tuple[Finding, ...]
    label_check: LabelCheck | None = None

    @property
    def duplicate_groups(self) -> tuple[Group, ...]:
        """Exact and near duplicates joined; a split must not part one."""
        return self.duplicates.every

    @property
    def conflicts(self) -> tuple[Group, ...]:
        """The duplicate groups that lie under more than one label."""
        return conflicting_groups(self.images, self.duplicates.every)

    @property
    def leaks(self) -> tuple[Group, ...]:
        """The duplicate groups that are in more than one of the given splits."""
        return leaking_groups(self.images, self.duplicates.every)

    @property
    def harmless_copies(self) -> tuple[Group, ...]:
        """The groups of equal files that are in one split and under one label."""
        return harmless_groups(self.images, self.duplicates.exact, self.duplicates.every)

    @property
    def harmless_versions(self) -> tuple[Group, ...]:
        """The groups of altered copies that are in one split and under one label."""
        return harmless_groups(self.images, self.duplicates.near, self.duplicates.every)

    def class_counts(self) -> dict[str, int]:
        """Return the number of readable images of each class."""
        return class_counts(self.images, self.folder.labels)

    def path(self, row: int) -> str:
        """Return an image's path below the folder."""
        return self.folder.relative(self.images[row].file)

    def splits_of(self, group: Group) -> list[Split]:
        """Return the given splits that a group is in, in their usual order."""
        present = {self.images[row].file.split for row in group}
        return [split for split in SPLITS if split in present]

    def to_json(self) -> dict[str, Any]:
        """Return the audit as plain JSON; paths are relative to the folder."""
        labels = self.folder.labels
        return {
            "images": len(self.images),
            "layout": {
                "labels_from": self.folder.layout,
                "splits": list(self.folder.given_splits),
                "classes": [asdict(one) for one in self.folder.classes()],
            },
            "classes": self.class_counts(),
            "quarantined": [
                {"path": self.folder.relative(bad.file), "reason": bad.reason}
                for bad in self.unreadable
            ],
            "exact_duplicates": self._paths(self.duplicates.exact),
            "near_duplicates": self._paths(self.duplicates.near),
            "conflicting_labels": self._paths(self.conflicts),
            "leakage": [
                {"paths": [self.path(row) for row in group], "splits": self.splits_of(group)}
                for group in self.leaks
            ],
            "suspect_labels": [
                {
                    "path": self.path(suspect.row),
                    "label": labels[suspect.label],
                    "suggested": labels[suspect.suggested],
                    "score": round(suspect.score, 4),
                }
                for suspect in self.suspects
            ],
            "outliers": [
                {"path": self.path(outlier.row), "score": round(outlier.score, 2)}
                for outlier in self.outliers
            ],
            "findings": [asdict(finding) for finding in self.findings],
        }

    def _paths(self, groups: Sequence[Group]) -> list[list[str]]:
        return [[self.path(row) for row in group] for group in groups]


def conflicting_groups(
    images: Sequence[ScannedImage], groups: Sequence[Group]
) -> tuple[Group, ...]:
    """Return the groups whose images have more than one label."""
    return tuple(g for g in groups if len({images[row].file.label for row in g}) > 1)


def leaking_groups(images: Sequence[ScannedImage], groups: Sequence[Group]) -> tuple[Group, ...]:
    """Return the groups whose images are in more than one given split."""
    return tuple(g for g in groups if len({images[row].file.split for row in g}) > 1)


def harmless_groups(
    images: Sequence[ScannedImage], groups: Sequence[Group], every: Sequence[Group]
) -> tuple[Group, ...]:
    """Return the groups that have no part in one of `every` which leaks, or has several labels."""
    harmful = {
        row
        for group in (*leaking_groups(images, every), *conflicting_groups(images, every))
        for row in group
    }
    return tuple(group for group in groups if harmful.isdisjoint(group))


def class_counts(images: Sequence[ScannedImage], labels: Sequence[str]) -> dict[str, int]:
    """Return the number of images of each label."""
    counts = dict.fromkeys(labels, 0)
    for image in images:
        counts[image.file.label] += 1
    return counts
