"""The audit as one self-contained HTML page with thumbnails of what the model is shown."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Final

from training.audit.duplicates import Group
from training.audit.left_out_files import too_large, without_too_large
from training.audit.result import Audit
from training.data.finding import Severity
from training.data.scan import PixelRows, UnreadableFile
from training.pages.templating import render
from training.pages.thumbnails import photo_url
from training.pages.tile import Tile

# What a section shows at most; the JSON has all. A page stays below a few MB.
_MAX_GROUPS: Final = 24
_MAX_IN_GROUP: Final = 6
_MAX_IMAGES: Final = 48
_MAX_FILES: Final = 200
# What a finding is called, where its name in the JSON is not the word for it.
_TITLES: Final = {
    "quarantined": "unreadable files",
    "over_limits": "images over a limit",
    "suspect_labels": "possible label errors",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One finding with its evidence: rows of tiles that belong together, or lines of text.

    `hidden`: how many more groups, images or files there are.
    """

    title: str
    severity: Severity
    message: str
    groups: Sequence[Sequence[Tile]]
    lines: Sequence[tuple[str, str]]
    hidden: int


def render_page(audit: Audit, pixels: PixelRows) -> str:
    """Return the page. Names are escaped; `pixels` are the model's input images by row."""
    counts = audit.class_counts()
    return render(
        "training.audit",
        "audit.html.j2",
        name=audit.folder.root.resolve().name,
        num_images=len(audit.images),
        sections=list(_Evidence(audit, pixels).sections()),
        counts=counts,
        largest=max(counts.values(), default=0) or 1,
        layout=audit.folder.layout,
        examples={one.label: one.example for one in audit.folder.classes()},
    )


class _Evidence:
    """Collects what is shown beside each finding."""

    def __init__(self, audit: Audit, pixels: PixelRows) -> None:
        self._audit = audit
        self._thumbnail: Callable[[int], str] = cache(lambda row: photo_url(pixels[row]))

    def sections(self) -> Iterator[Section]:
        for finding in self._audit.findings:
            groups, hidden = self._groups_of(finding.kind)
            lines: list[tuple[str, str]] = []
            if finding.kind == "quarantined":
                lines, hidden = self._files(without_too_large(self._audit.unreadable))
            elif finding.kind == "over_limits":
                lines, hidden = self._files(too_large(self._audit.unreadable))
            yield Section(
                title=_TITLES.get(finding.kind, finding.kind.replace("_", " ")),
                severity=finding.severity,
                message=finding.sentence,
                groups=groups,
                lines=lines,
                hidden=hidden,
            )

    def _groups_of(self, kind: str) -> tuple[list[list[Tile]], int]:
        audit = self._audit
        groups: dict[str, Sequence[Group]] = {
            "leakage": audit.leaks,
            "conflicting_labels": audit.conflicts,
            "exact_duplicates": audit.harmless_copies,
            "near_duplicates": audit.harmless_versions,
        }
        if kind in groups:
            shown = [self._group(group) for group in groups[kind][:_MAX_GROUPS]]
            return shown, max(len(groups[kind]) - _MAX_GROUPS, 0)
        tiles = self._tiles_of(kind)
        shown = [[self._tile(row, *notes)] for row, notes in tiles[:_MAX_IMAGES]]
        return shown, max(len(tiles) - _MAX_IMAGES, 0)

    def _tiles_of(self, kind: str) -> list[tuple[int, tuple[str, ...]]]:
        """Return rows and what is noted below each."""
        audit, labels = self._audit, self._audit.folder.labels
        if kind == "suspect_labels":
            return [
                (s.row, (f"given: {labels[s.label]}", f"looks like: {labels[s.suggested]}"))
                for s in audit.suspects
            ]
        if kind == "outliers":
            return [(outlier.row, ()) for outlier in audit.outliers]
        poor = {
            "too_small": audit.poor.too_small,
            "dark": audit.poor.dark,
            "blank": audit.poor.blank,
            "blurry": audit.poor.blurry,
        }
        return [(row, (self._size(row),)) for row in poor.get(kind, ())]

    def _group(self, group: Group) -> list[Tile]:
        tiles = [self._tile(row) for row in group[:_MAX_IN_GROUP]]
        more = len(group) - _MAX_IN_GROUP
        if more <= 0:
            return tiles
        last = tiles[-1]
        return [*tiles[:-1], replace(last, notes=(f"and {more} more",))]

    def _tile(self, row: int, *notes: str) -> Tile:
        return Tile(photo=self._thumbnail(row), path=self._audit.path(row), notes=notes)

    def _size(self, row: int) -> str:
        facts = self._audit.images[row].facts
        return f"{facts.width_px} x {facts.height_px} px"

    def _files(self, bad: Sequence[UnreadableFile]) -> tuple[list[tuple[str, str]], int]:
        lines = [(self._audit.folder.relative(q.file), q.reason) for q in bad[:_MAX_FILES]]
        return lines, max(len(bad) - _MAX_FILES, 0)
