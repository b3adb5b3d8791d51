"""A photo from the browser becomes a file of a class folder: by its content's name, never over another."""

import hashlib
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from inference.decoding import OWN_FILES_LIMITS, decode_image
from inference.formats import sniff_format
from studio.errors import DiskProblem
from studio.projects.copying import class_folder

_SUFFIXES: Final = {"JPEG": ".jpg", "PNG": ".png", "WEBP": ".webp", "GIF": ".gif", "BMP": ".bmp"}
_NAME_DIGITS: Final = 16


def add_photo(data: Path, label: str, photo: bytes) -> bool:
    """Write an encoded image into the folder of a class; return False where it lies there already.

    Raises:
        BadInput: no class folder can have that name.
        ImageError: it is no image that a model could be trained on.
        DiskProblem: it cannot be written.
    """
    folder = class_folder(data, label)
    decode_image(photo, limits=OWN_FILES_LIMITS)
    image_format = sniff_format(photo)
    suffix = _SUFFIXES.get(image_format, f".{image_format.lower()}")
    target = folder / f"{hashlib.sha256(photo).hexdigest()[:_NAME_DIGITS]}{suffix}"
    try:
        folder.mkdir(exist_ok=True)
        if target.exists():
            return False
        _write(target, photo)
    except OSError as err:
        raise DiskProblem(
            f"the photo could not be written into {folder.name!r}: {err.strerror}; make room, or see "
            "whether the folder may be written"
        ) from err
    return True


def _write(target: Path, photo: bytes) -> None:
    temporary = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
    try:
        temporary.write_bytes(photo)
        os.replace(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
