"""Names that systems and programs leave in image folders: never a class, never an image."""

from typing import Final

_NAMES: Final = frozenset(
    {
        # Windows, and the recycle bins of its disks
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "$recycle.bin",
        "recycler",
        "system volume information",
        "found.000",
        # macOS: archives made there, folder icons
        "__macosx",
        "icon\r",
        # network storage: thumbnails, recycle bins, snapshots (Synology, QNAP)
        "@eadir",
        "@tmp",
        "@recycle",
        "@recently-snapshot",
        "#recycle",
        "#snapshot",
        # disks repaired, albums, programs
        "lost+found",
        "picasa.ini",
        "__pycache__",
        "node_modules",
    }
)


def is_clutter(name: str) -> bool:
    """Whether a file or folder of that name is left alone, with all that lies in it.

    Names that begin with a dot are hidden, and meant to be: `.DS_Store`, `._photo.jpg`, `.git`,
    `.ipynb_checkpoints`, `.Trash-1000`, `.thumbnails`.
    """
    return name.startswith(".") or name.casefold() in _NAMES
