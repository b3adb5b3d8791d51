"""What a folder was taken for, on the terminal: its classes with counts and a file each."""

from collections import Counter
from typing import Final

from rich.cells import cell_len

from training.data.finding import counted
from training.data.folder import Folder
from training.runtime.progress import Display

_SHOWN_CLASSES: Final = 20


def describe_folder(folder: Folder, display: Display) -> None:
    """Say what was found."""
    if not folder.labels:
        return  # an error says why
    display.line(
        f"found {counted(len(folder.files), 'file')} taken for images in "
        f"{counted(len(folder.labels), 'class', 'classes')}: {folder.layout}"
    )
    classes = list(folder.classes())
    shown = classes[:_SHOWN_CLASSES]
    width = max(cell_len(one.label) for one in shown)
    digits = max(len(f"{one.files:,}") for one in shown)
    for one in shown:
        padding = " " * (width - cell_len(one.label))
        display.line(f"    {one.label}{padding}  {one.files:>{digits},}  {one.example}".rstrip())
    if len(classes) > len(shown):
        rest = classes[_SHOWN_CLASSES:]
        display.line(f"    and {len(rest)} more classes with {sum(c.files for c in rest):,} files")
    if folder.given_splits:
        counts = Counter(file.split for file in folder.files)
        display.line(
            f"given splits: {', '.join(f'{split} {counts[split]:,}' for split in folder.given_splits)}"
        )
    if folder.ignored:
        kinds = ", ".join(f"{n} {suffix}" for suffix, n in sorted(folder.ignored.items()))
        display.line(f"ignoring {counted(sum(folder.ignored.values()), 'other file')}: {kinds}")


def describe_findings(folder: Folder, display: Display) -> None:
    """Say what the folder check noticed, but for errors: those are said where they stop the run."""
    for finding in folder.findings:
        if finding.severity != "error":
            display.line(f"{finding.severity}: {finding.sentence}")
