"""What a folder holds, in a line or two for the terminal."""

from training.data.layout import Folder
from training.runtime.progress import Display


def describe_folder(folder: Folder, display: Display) -> None:
    """Say what was found."""
    display.line(f"found {len(folder.files)} image files in {len(folder.labels)} classes")
    if folder.ignored:
        kinds = ", ".join(f"{n} {suffix}" for suffix, n in sorted(folder.ignored.items()))
        display.line(f"ignoring {sum(folder.ignored.values())} other files: {kinds}")
