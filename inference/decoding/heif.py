"""HEIC and HEIF, by libheif with libde265 (`pi-heif`): the picture that a viewer shows, turned, in 8 bits."""

from functools import cache
from types import ModuleType

from PIL import Image


def decode_heif(data: bytes) -> Image.Image:
    """Return the primary picture, upright, with its profile in `info`.

    Raises:
        ValueError, RuntimeError, SyntaxError, OSError, EOFError: it cannot be decoded.
    """
    file = _library().HeifFile(data)
    picture: Image.Image = file[file.primary_index].to_pillow()
    return picture


@cache
def _library() -> ModuleType:
    """Return the library, imported when the first file comes."""
    import pi_heif

    # One thread, whose seconds are counted; and nothing but the picture.
    pi_heif.options.DECODE_THREADS = 1
    pi_heif.options.THUMBNAILS = False
    pi_heif.options.DEPTH_IMAGES = False
    pi_heif.options.AUX_IMAGES = False
    module: ModuleType = pi_heif
    return module
