"""How an image is turned, by its EXIF or XMP, and what the turn does to its edges."""

from typing import Final

from PIL import Image

from inference.decoding.failures import PILLOW_FAILURES
from inference.decoding.header import check_exif

_ORIENTATION_TAG: Final = 0x0112
_EXIF_IN_TEXT: Final = "Raw profile type exif"
_HOLDS_ORIENTATION: Final = frozenset({"exif", "xmp", "XML:com.adobe.xmp", _EXIF_IN_TEXT})
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Orientations that bring the right or bottom edge of the stored image to the left, or to the top.
_STORED_END_IS_LEFT: Final = frozenset({2, 3, 6, 7})
_STORED_END_IS_TOP: Final = frozenset({3, 4, 7, 8})


def orientation_of(image: Image.Image) -> int:
    """Return EXIF's number, 1 to 8; 1 (upright) where there is none or it cannot be read.

    Raises:
        UndecodableImage: more EXIF tags than any camera writes.
    """
    if _HOLDS_ORIENTATION.isdisjoint(image.info):
        return 1
    try:
        _check_exif_in_text(image)
        value = image.getexif().get(_ORIENTATION_TAG, 1)
    except PILLOW_FAILURES:
        return 1
    return value if isinstance(value, int) and value in _TURNS else 1


def turn(image: Image.Image, orientation: int) -> Image.Image:
    """Return the upright image; the same object where it is so already."""
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def is_on_its_side(orientation: int) -> bool:
    """Return whether the turn swaps width and height."""
    return orientation >= 5


def origin_after_turn(
    decoded_wh: tuple[int, int], source_wh: tuple[int, int], scale: int, orientation: int
) -> tuple[float, float]:
    """Return where the source's left and top edge lie in the turned image, in its pixels."""
    surplus_x = decoded_wh[0] - source_wh[0] / scale
    surplus_y = decoded_wh[1] - source_wh[1] / scale
    return (
        surplus_x if orientation in _STORED_END_IS_LEFT else 0.0,
        surplus_y if orientation in _STORED_END_IS_TOP else 0.0,
    )


def _check_exif_in_text(image: Image.Image) -> None:
    """Check EXIF that ImageMagick has put into a PNG's text, as hexadecimal lines after three others."""
    text = image.info.get(_EXIF_IN_TEXT)
    if isinstance(text, str) and "exif" not in image.info:
        block = bytes.fromhex("".join(text.split("\n")[3:]))
        check_exif(block.removeprefix(b"Exif\0\0"), str(image.format))
