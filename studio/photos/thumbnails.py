"""Photos at a few sizes, by content hash: made once, kept in the cache folder.

They are decoded by the decoder of training and service, so what the page shows is what a model gets; a file
that it refuses is not shown. What a browser gets is always our own JPEG or WebP, never a file of the folder.
"""

import hashlib
import io
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final

from PIL import Image

from inference.decoding import OWN_FILES_LIMITS, decode_image
from inference.errors import ImageError
from inference.image_file import read_image_file
from studio.errors import BadInput, NotFound

# Longer sides in px: a tile of a gallery, a neighbour, the large one.
SIDES_PX: Final = (240, 480, 1280)
MEDIA_TYPE: Final = "image/jpeg"
_QUALITY: Final = 82
_KEPT_UP_TO_PX: Final = 480


class Thumbnails:
    """A cache of small photos."""

    def __init__(self, cache_dir: Path) -> None:
        self._folder = cache_dir / "thumbnails"

    def of_file(self, file: Path, sha256: str, side_px: int) -> bytes:
        """Return a photo, its longer side at most `side_px`, as JPEG.

        Raises:
            BadInput: no such size.
            NotFound: the file is gone, cannot be read, or has other content now.
        """
        if side_px not in SIDES_PX:
            raise BadInput(f"a photo's side is one of {SIDES_PX} px, not {side_px}")
        kept = self._folder / sha256[:2] / f"{sha256}-{side_px}.jpg"
        with suppress(OSError):
            return kept.read_bytes()
        try:
            data = read_image_file(file)
            if hashlib.sha256(data).hexdigest() != sha256:
                raise NotFound(
                    f"{file.name!r} has changed since the folder was looked at; look again"
                )
            photo = shrink(data, side_px)
        except OSError as err:
            raise NotFound(f"{file.name!r} cannot be read: {err.strerror}") from err
        except ImageError as err:
            raise NotFound(f"{file.name!r} cannot be shown: {err}") from err
        if side_px <= _KEPT_UP_TO_PX:
            _keep(kept, photo)
        return photo


def shrink(data: bytes, side_px: int) -> bytes:
    """Return an encoded image as a JPEG whose longer side is at most `side_px`.

    Raises:
        ImageError: it cannot be decoded.
    """
    image = decode_image(data, shorter_px=side_px, limits=OWN_FILES_LIMITS).image
    image.thumbnail((side_px, side_px), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=_QUALITY)
    return stream.getvalue()


def _keep(file: Path, photo: bytes) -> None:
    """Write a photo into the cache; a full disk costs time, nothing else."""
    temporary = file.with_name(f".{file.name}-{secrets.token_hex(6)}")
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(photo)
        os.replace(temporary, file)
