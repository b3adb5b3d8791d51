"""Which header of which format is read by whom."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from inference.decoding.bmp_header import read_bmp_header
from inference.decoding.gif_header import read_gif_header
from inference.decoding.header import Header
from inference.decoding.heif_header import read_heif_header
from inference.decoding.icon import picture_of_icon, read_icon_header
from inference.decoding.jpeg2000_header import read_jpeg2000_header
from inference.decoding.jpeg_header import read_jpeg_header
from inference.decoding.netpbm import read_netpbm_header
from inference.decoding.png_header import read_png_header
from inference.decoding.tiff_header import read_tiff_header
from inference.decoding.webp_header import read_webp_header
from inference.formats import sniff_format

# Each takes the encoded file and the shorter side that the caller will resize to.
HEADER_READERS: Final[Mapping[str, Callable[[bytes, int | None], Header | None]]] = {
    "JPEG": read_jpeg_header,
    "PNG": read_png_header,
    "WEBP": read_webp_header,
    "GIF": read_gif_header,
    "BMP": read_bmp_header,
    "HEIF": partial(read_heif_header, image_format="HEIF"),
    "AVIF": partial(read_heif_header, image_format="AVIF"),
    "TIFF": read_tiff_header,
    "JPEG2000": read_jpeg2000_header,
    "ICO": read_icon_header,
    "PPM": read_netpbm_header,
}


def read_header(data: bytes, *, shorter_px: int | None = None) -> Header | None:
    """Return an image's size and what decoding it would cost, from its header alone.

    Args:
        data: the encoded file.
        shorter_px: as for `decode_image`.

    Returns:
        None for a file whose header cannot be read: decoding it costs nothing and fails.

    Raises:
        UnsupportedFormat: not an accepted format.
        UndecodableImage: empty, or made of more parts than an honest file has.
    """
    image_format, data = identify(data)
    return HEADER_READERS[image_format](data, shorter_px)


def identify(data: bytes) -> tuple[str, bytes]:
    """Return a file's format and bytes; of an icon those of the picture in it.

    Raises:
        UnsupportedFormat: not an accepted format.
        UndecodableImage: empty, or an icon of more pictures than an honest one has.
    """
    image_format = sniff_format(data)
    if image_format != "ICO":
        return image_format, data
    data = picture_of_icon(data)
    return sniff_format(data), data
