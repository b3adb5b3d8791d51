"""What is wrong with the lines of a labels file, by their numbers, and what the file did."""

import re
from collections.abc import Sequence
from typing import Final

from inference.manifest import LabelsFileInfo
from training.data.finding import Finding, counted, named, quoted
from training.data.folder import ImageFile, readable
from training.data.folder_check.groups_in_folders import GROUPS
from training.data.labels_file import LabelLine, LabelsFile
from training.data.place import Place

_NUMBERED = 5


_GROUP_COLUMN: Final = re.compile(
    r"(patient|subject|person|individual|animal|specimen|case|group|shoot|session)([ _-]?(id|no|nr|name))?"
)
NONE_FITS: Final = "labels_file_fits_nothing"


def line_findings(
    file: LabelsFile, unknown: Sequence[LabelLine], changed: Sequence[LabelLine], root: Place
) -> list[Finding]:
    """Say which lines cannot be read, fit no image, or were written about other content."""
    name = file.path.name
    findings = _group_column(file)
    if file.damaged:
        first, problem = file.damaged[0]
        findings.append(
            Finding(
                kind="labels_file_damaged",
                severity="error",
                message=f"{counted(len(file.damaged), 'line')} of {name} cannot be used: line {first} "
                f"{problem}",
                count=len(file.damaged),
                next_step="mend them",
            )
        )
    if unknown and len(unknown) == len(file.lines):
        findings.append(_none_fits(file, root))
    elif unknown:
        findings.append(
            Finding(
                kind="labels_file_unknown",
                severity="warning",
                message=f"{counted(len(unknown), 'line')} of {name} {_fit(unknown)} no image of the "
                f"folder: {_numbers(unknown)}",
                count=len(unknown),
                example=unknown[0].file_name or (unknown[0].sha256 or "")[:12],
                next_step="file_name must be a path below the data folder",
            )
        )
    if changed:
        findings.append(
            Finding(
                kind="labels_file_changed",
                cost="labels",
                severity="warning",
                message=f"{counted(len(changed), 'line')} of {name} not used: the image has other content "
                f"than the line's sha256 says: {_numbers(changed)}",
                count=len(changed),
                example=changed[0].file_name,
                next_step="label these images again",
            )
        )
    return findings


def _group_column(file: LabelsFile) -> list[Finding]:
    """Say that photos of one patient belong on one side, where a column seems to name patients."""
    column = next((name for name in file.columns if _GROUP_COLUMN.fullmatch(name)), None)
    if column is None:
        return []
    return [
        Finding(
            kind=GROUPS,
            severity="info",
            cost="accuracy",
            message=f"{file.path.name} has a column {quoted(column)}, which is not read: photos of one must "
            "not be both learned from and tested on, or the accuracy is too high",
            count=len(file.lines),
            next_step="put each one's photos into a folder of their own, or its number into their names, and "
            "add --group-by REGEX, whose match they share",
        )
    ]


def double_lines(
    doubles: Sequence[LabelLine], contradictions: Sequence[tuple[LabelLine, LabelLine]]
) -> list[Finding]:
    """Say which lines name an image again, and refuse those that give it another label."""
    findings = []
    if contradictions:
        one, two = contradictions[0]
        findings.append(
            Finding(
                kind="labels_file_contradiction",
                cost="labels",
                severity="error",
                message=f"{counted(len(contradictions), 'image')} with two labels in the labels file: "
                f"lines {one.line} ({one.label!r}) and {two.line} ({two.label!r})",
                count=len(contradictions),
                example=two.file_name,
                next_step="remove the wrong line of each",
            )
        )
    if doubles:
        findings.append(
            Finding(
                kind="labels_file_double",
                severity="info",
                message=f"{counted(len(doubles), 'line')} that name an image again: {_numbers(doubles)}",
                count=len(doubles),
                example=doubles[0].file_name,
                next_step="remove one of each",
            )
        )
    return findings


def which_labels(
    root: Place,
    applied: LabelsFileInfo,
    files: Sequence[ImageFile],
    unlisted: Sequence[ImageFile],
    labels: Sequence[str],
) -> list[Finding]:
    """Say what the file did, and which images it leaves without a label."""
    if applied.mode == "corrections":
        return [
            Finding(
                kind="labels_file",
                severity="info",
                message=f"{applied.file} corrects the folders' labels: {applied.changed:,} changed, "
                f"{applied.left_out:,} left out, {applied.labelled - applied.changed:,} confirmed",
                count=applied.changed + applied.left_out,
                next_step="compare the counts with what you meant",
            )
        ]
    left = f", and leaves {applied.left_out:,} out" if applied.left_out else ""
    findings = [
        Finding(
            kind="labels_file",
            severity="info",
            message=f"{applied.file} gives {counted(applied.labelled, 'image')} one of "
            f"{counted(len(labels), 'label')}{left}; folder names were not used",
            count=applied.labelled,
            next_step="compare the counts with what you meant",
        )
    ]
    if unlisted:
        findings.append(
            Finding(
                kind="labels_file_unlisted",
                severity="warning",
                message=f"{counted(len(unlisted), 'image')} left out: {applied.file} does not name "
                f"{'it' if len(unlisted) == 1 else 'them'}",
                count=len(unlisted),
                example=readable(str(unlisted[0].path.relative_to(root.path))),
                next_step="add a line for each",
            )
        )
    if len(labels) < 2 and applied.labelled + applied.left_out:  # else no line fits, which is said
        have = f"only the label {labels[0]!r}" if labels else "no label that an image has"
        findings.append(
            Finding(
                kind="no_classes",
                severity="error",
                message=f"{applied.file} gives {have} ({counted(len(files), 'image')})",
                count=len(files),
                next_step="a classifier needs two labels at least",
            )
        )
    return findings


def _none_fits(file: LabelsFile, root: Place) -> Finding:
    first = file.lines[0]
    image = next(iter(root.images()), None)
    such = ", such as " + quoted(readable(str(image.relative_to(root.path)))) if image else ""
    lines = "the only line" if len(file.lines) == 1 else f"none of the {len(file.lines):,} lines"
    return Finding(
        kind=NONE_FITS,
        severity="error",
        cost="labels",
        message=f"{lines} of {file.path.name} fits {'no' if len(file.lines) == 1 else 'an'} image of "
        f"{quoted(readable(str(root.path)))}; the first is {quoted(first.file_name or first.sha256 or '')}",
        count=len(file.lines),
        next_step=f"file_name must be a path below that folder{such}",
    )


def _fit(lines: Sequence[LabelLine]) -> str:
    return "fits" if len(lines) == 1 else "fit"


def _numbers(lines: Sequence[LabelLine]) -> str:
    numbers = sorted(line.line for line in lines)
    more = f" and {len(numbers) - _NUMBERED} more" if len(numbers) > _NUMBERED else ""
    return f"line{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers[:_NUMBERED]))}{more}"


def not_used(name: str, why: str) -> Finding:
    """Say that a metadata file in the folder gives no labels."""
    return Finding(
        kind="metadata_not_used",
        severity="info",
        message=f"{named([name])} gives no labels: {why}",
        count=1,
        next_step="name its columns file_name,label if it should",
    )
