"""Colours with an ICC profile to sRGB: Adobe RGB, Display P3, what scanners and printers write.

A profile is read by LittleCMS, after a look at what it is made of: a profile of many stages would be worked
through for each of its table's entries. What no look allows counts as sRGB, and so does what hardly differs.
"""

import io
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

from inference.decoding.failures import PILLOW_FAILURES

# Printers' profiles have some 600 kB, all others less than 20.
MAX_PROFILE_BYTES: Final = 2**20
# Of 255, at the corners of a grid: rounding. Such an image stays as it is, byte by byte.
_SAME: Final = 2
_GRID: Final = 9

_HEADER_BYTES: Final = 128
_MAX_TAGS: Final = 100
_SPACES: Final = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
_CLASSES: Final = frozenset({b"mntr", b"scnr", b"prtr", b"spac"})
_CONNECTIONS: Final = frozenset({b"XYZ ", b"Lab "})
# Tags and types of any number of stages.
_STAGED_TAGS: Final = (b"D2B", b"B2D")
_STAGED_TYPES: Final = frozenset({b"mpet"})


def converted(image: Image.Image, profile: bytes) -> Image.Image:
    """Return an image of mode "RGB", "L" or "CMYK" in sRGB; the same object where it is so already.

    Grey and CMYK that cannot be converted are returned as they are, for `to_rgb`.
    """
    transform = _transform(profile, image.mode)
    if transform is None:
        return image
    result = ImageCms.applyTransform(image, transform, inPlace=image.mode == "RGB")
    return image if result is None else result


def is_converted(profile: object, mode: str) -> bool:
    """Return whether `converted` would change an image of this mode."""
    return isinstance(profile, bytes) and _transform(profile, mode) is not None


def space_of(profile: object) -> str | None:
    """Return the mode whose colours a profile is about: "RGB", "L" or "CMYK"."""
    return _SPACES.get(profile[16:20]) if isinstance(profile, bytes) else None


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCms.ImageCmsTransform | None:
    """Return what brings colours of this mode to sRGB; None where nothing is to be done, or can be."""
    if _SPACES.get(profile[16:20]) != mode or not _is_plain(profile):
        return None
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
        )
    except (ImageCms.PyCMSError, *PILLOW_FAILURES):
        return None
    return transform if mode == "CMYK" or _changes(transform, mode) else None


def _changes(transform: ImageCms.ImageCmsTransform, mode: str) -> bool:
    """Whether the colours of a grid come out as others."""
    before: npt.NDArray[np.uint8]
    if mode == "L":
        before = np.arange(256, dtype=np.uint8).reshape(16, 16)
        shown = np.repeat(before[..., np.newaxis], 3, axis=2)
    else:
        steps = [np.linspace(0, 255, _GRID).astype(np.uint8)] * 3
        before = shown = np.stack(np.meshgrid(*steps), axis=-1).reshape(_GRID * _GRID, _GRID, 3)
    after = np.asarray(ImageCms.applyTransform(Image.fromarray(before), transform))
    return int(np.abs(after.astype(int) - shown).max()) > _SAME


def _is_plain(profile: bytes) -> bool:
    """Whether a profile is of the common kinds, whose parts are few and fixed."""
    if not _HEADER_BYTES + 4 <= len(profile) <= MAX_PROFILE_BYTES:
        return False
    if profile[12:16] not in _CLASSES or profile[20:24] not in _CONNECTIONS:
        return False
    count = int.from_bytes(profile[_HEADER_BYTES : _HEADER_BYTES + 4], "big")
    if count > _MAX_TAGS:
        return False
    for at in range(_HEADER_BYTES + 4, _HEADER_BYTES + 4 + 12 * count, 12):
        start = int.from_bytes(profile[at + 4 : at + 8], "big")
        if profile[at : at + 3] in _STAGED_TAGS or profile[start : start + 4] in _STAGED_TYPES:
            return False
    return True
