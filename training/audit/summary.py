"""The audit on the terminal: findings first, then a few files of each kind."""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from training.audit.result import Audit
from training.data.finding import Finding
from training.runtime.progress import Display

_SHOWN: Final = 3
_SHOWN_OF_GROUP: Final = 3


def print_summary(
    audit: Audit, display: Display, *, all_in: str, said: Collection[Finding] = ()
) -> None:
    """Print what was found, the worst first, with a few examples of each kind.

    `all_in` names where all of it is; `said` are findings that were printed before.
    """
    display.line(f"{len(audit.images)} images in {len(audit.folder.labels)} classes")
    if not audit.findings:
        display.line("nothing wrong was found")
    examples = _Examples(audit)
    for finding in audit.findings:
        if finding in said:
            continue
        display.line(f"{finding.severity}: {finding.sentence}")
        lines = list(examples.of(finding.kind))
        for line in lines[:_SHOWN]:
            display.line(f"    {line}")
        if len(lines) > _SHOWN:
            display.line(f"    and {len(lines) - _SHOWN} more, see {all_in}")


class _Examples:
    """Lines that name the files behind a finding."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def of(self, kind: str) -> Iterator[str]:
        audit, labels = self._audit, self._audit.folder.labels
        groups = {
            "leakage": audit.leaks,
            "conflicting_labels": audit.conflicts,
            "exact_duplicates": audit.duplicates.exact,
            "near_duplicates": audit.duplicates.near,
        }
        rows: dict[str, Sequence[int]] = {
            "too_small": audit.poor.too_small,
            "dark": audit.poor.dark,
            "blank": audit.poor.blank,
            "blurry": audit.poor.blurry,
            "outliers": [outlier.row for outlier in audit.outliers],
        }
        for group in groups.get(kind, ()):
            more = len(group) - _SHOWN_OF_GROUP
            paths = [audit.path(row) for row in group[:_SHOWN_OF_GROUP]]
            yield " = ".join(paths) + (f" and {more} more" if more > 0 else "")
        for row in rows.get(kind, ()):
            yield audit.path(row)
        if kind == "quarantined":
            for bad in audit.unreadable:
                yield f"{audit.folder.relative(bad.file)}: {bad.reason}"
        if kind == "suspect_labels":
            for suspect in audit.suspects:
                yield f"{audit.path(suspect.row)}: {labels[suspect.suggested]}?"
