"""The audit on the terminal: findings first, then a few files of each kind."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from training.audit.left_out_files import grouped_by_reason, too_large, without_too_large
from training.audit.result import Audit
from training.data.finding import Finding
from training.data.scan import UnreadableFile
from training.runtime.progress import Display

_SHOWN: Final = 3
_SHOWN_OF_GROUP: Final = 3


def print_summary(
    audit: Audit, display: Display, *, all_in: str, said: Collection[Finding] = ()
) -> None:
    """Print what was found, the worst first, with a few examples of each kind.

    Files that were named under one finding are not named again under the next.

    Args:
        audit: what was found.
        display: where it is printed.
        all_in: names where all of it is.
        said: findings that are said elsewhere.
    """
    display.line(f"{len(audit.images)} images in {len(audit.folder.labels)} classes")
    if not audit.findings:
        checked = "" if audit.label_check is not None else "; labels were not checked"
        display.line(f"the folder check and the audit found nothing wrong{checked}")
    examples = _Examples(audit)
    for finding in audit.findings:
        lines = list(examples.of(finding.kind))  # also of what is said elsewhere, with its files
        if finding in said:
            continue
        display.line(f"{finding.severity}: {finding.sentence}")
        for line in lines[:_SHOWN]:
            display.line(f"    {line}")
        if len(lines) > _SHOWN:
            display.line(f"    and {len(lines) - _SHOWN} more, see {all_in}")


class _Examples:
    """Lines that name the files behind a finding, each file under the first of them."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._named: set[int] = set()
        self._groups: Mapping[str, Sequence[Sequence[int]]] = {
            "leakage": audit.leaks,
            "conflicting_labels": audit.conflicts,
            "exact_duplicates": audit.harmless_copies,
            "near_duplicates": audit.harmless_versions,
            "too_small": [[row] for row in audit.poor.too_small],
            "dark": [[row] for row in audit.poor.dark],
            "blank": [[row] for row in audit.poor.blank],
            "blurry": [[row] for row in audit.poor.blurry],
            "outliers": [[outlier.row] for outlier in audit.outliers],
        }

    def of(self, kind: str) -> Iterator[str]:
        """Yield a line for each group or file of a kind of finding."""
        audit, labels = self._audit, self._audit.folder.labels
        if kind in self._groups:
            yield from self._of_rows(self._groups[kind])
        elif kind == "quarantined":
            yield from self._of_files(without_too_large(audit.unreadable))
        elif kind == "over_limits":
            yield from self._of_files(too_large(audit.unreadable))
        elif kind == "suspect_labels":
            for suspect in audit.suspects:
                yield f"{audit.path(suspect.row)}: {labels[suspect.suggested]}?"

    def _of_rows(self, groups: Sequence[Sequence[int]]) -> Iterator[str]:
        new = [group for group in groups if not self._named.issuperset(group)]
        for group in new:
            more = len(group) - _SHOWN_OF_GROUP
            paths = [self._audit.path(row) for row in group[:_SHOWN_OF_GROUP]]
            yield " = ".join(paths) + (f" and {more} more" if more > 0 else "")
        if groups and not new:
            yield "the same files as above"
        elif len(new) < len(groups):
            yield f"and {len(groups) - len(new)} named above"
        self._named.update(row for group in groups for row in group)

    def _of_files(self, files: Sequence[UnreadableFile]) -> Iterator[str]:
        relative = self._audit.folder.relative
        return grouped_by_reason([(relative(bad.file), bad.reason) for bad in files])
