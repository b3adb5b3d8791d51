"""An encoded image from a file: no more of it than may be decoded, and no pipe that would be waited for."""

import stat
from pathlib import Path

from inference.decoding import OWN_FILES_LIMITS
from inference.errors import UndecodableImage


def read_image_file(file: Path, *, max_bytes: int = OWN_FILES_LIMITS.max_bytes) -> bytes:
    """Return what a file holds; of a larger one a byte over the limit, refused as the whole would be.

    Raises:
        UndecodableImage: it is a pipe, a device or a folder.
        OSError: it is not there or cannot be read.
    """
    if not stat.S_ISREG(file.stat().st_mode):
        raise UndecodableImage("not a regular file")
    with file.open("rb") as stream:
        return stream.read(max_bytes + 1)
