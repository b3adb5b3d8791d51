"""Which files of a folder are sent: those whose names end as an image's that the service takes."""

from pathlib import Path
from typing import Final

IMAGE_SUFFIXES: Final = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".gif", ".bmp", ".heic", ".heif",
    ".hif", ".avif", ".tif", ".tiff", ".jp2", ".j2k", ".jpf", ".jpx", ".ico", ".ppm", ".pgm", ".pbm", ".pnm",
))  # fmt: skip


def image_files(folder: Path) -> list[Path]:
    """Return the image files under a folder, by name; hidden ones are left out.

    Raises:
        NotADirectoryError: there is no such folder.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "does not exist"
        raise NotADirectoryError(f"folder {str(folder)!r} {what}")
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
