"""TIFF samples that Pillow reads wrongly or not at all: signed, long, floating-point, channels by themselves.

libtiff, behind Pillow, still undoes the compression: the strips or tiles are shown to it as a picture of
bytes. What the bytes mean is NumPy's part.
"""

import io
import struct
from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from inference.decoding.deep_samples import scale_of, strips
from inference.decoding.orientation import turn
from inference.decoding.tiff_layout import (
    CMYK,
    FLOATING,
    HEIGHT,
    ORIENTATION,
    PROFILE,
    RGB,
    ROWS_A_STRIP,
    SIGNED,
    STRIP_BYTES,
    STRIPS,
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    TILES,
    WHITE_IS_ZERO,
    WIDTH,
    TiffLayout,
)
from inference.decoding.tiff_page import TiffPage

_LONG: Final = 4
_ASSOCIATED: Final = 1
_ALPHA: Final = frozenset({_ASSOCIATED, 2})

_Samples = npt.NDArray[Any]
_Opener = Callable[[bytes], Image.Image]


def decode_samples(
    data: bytes, page: TiffPage, layout: TiffLayout, open_tiff: _Opener
) -> Image.Image:
    """Return a page, upright, in mode "L", "LA", "La", "RGB", "RGBA", "RGBa" or "CMYK".

    Args:
        data: the file.
        page: of it.
        layout: its own, `is_read_here`.
        open_tiff: opens a TIFF of bytes.

    Raises:
        ValueError, and what `open_tiff` raises: damaged.
    """
    planes = range(1)
    if layout.is_planar:
        planes = range(min(layout.num_samples, layout.num_colours + bool(_alpha(layout))))
    read = [_plane(data, page, layout, open_tiff, plane) for plane in planes]
    image = _to_image(read, layout)
    image = turn(image, page.value(data, ORIENTATION, 1))
    profile = bytes(page.body(data, PROFILE))
    if profile:
        image.info["icc_profile"] = profile
    return image


def _alpha(layout: TiffLayout) -> int:
    """Return what the first channel beyond the colours is, where it is transparency; else 0."""
    extra = layout.extra_samples[:1]
    is_alpha = layout.num_samples > layout.num_colours and extra and extra[0] in _ALPHA
    return extra[0] if is_alpha and layout.photometric != CMYK else 0


def _plane(
    data: bytes, page: TiffPage, layout: TiffLayout, open_tiff: _Opener, plane: int
) -> _Samples:
    """Return samples of shape (height, width, channels), in the machine's byte order."""
    planes = layout.num_samples if layout.is_planar else 1
    channels = layout.num_samples // planes
    width, height = page.value(data, WIDTH, 0), page.value(data, HEIGHT, 0)
    is_tiled = page.count(TILES) > 0
    offsets = page.values(data, TILES if is_tiled else STRIPS)
    lengths = page.values(data, TILE_BYTES if is_tiled else STRIP_BYTES)
    count = len(offsets) // planes
    of_plane = slice(plane * count, (plane + 1) * count)
    offsets, lengths = offsets[of_plane], lengths[of_plane]
    if is_tiled:
        piece_w, piece_h = page.value(data, TILE_WIDTH, 0), page.value(data, TILE_HEIGHT, 0)
        rows = piece_h * count
    else:
        piece_w, piece_h = width, min(page.value(data, ROWS_A_STRIP, height) or height, height)
        rows = height
    if not lengths and count == 1:  # an old scanner's only strip
        lengths = (len(data) - offsets[0],)
    if not (piece_w and piece_h and offsets):
        raise ValueError("no strips or tiles")
    across = -(-width // piece_w)
    if count != len(lengths) or count != across * -(-height // piece_h):
        raise ValueError("strips or tiles are missing")
    row_bytes = piece_w * channels * layout.bits[0] // 8
    extents = list(zip(offsets, lengths, strict=True))
    file = _as_bytes(data, layout, (row_bytes, rows), piece_h, extents)
    packed = np.empty((rows, row_bytes), np.uint8)
    with open_tiff(file) as image:
        for box in strips(image.size):
            packed[box[1] : box[3]] = np.asarray(image.crop(box))
    samples = _unpredict(packed, layout, channels)
    if is_tiled:
        samples = samples.reshape(-1, across, piece_h, piece_w, channels).swapaxes(1, 2)
        samples = samples.reshape(-1, across * piece_w, channels)[:height, :width]
    return samples


def _as_bytes(
    data: bytes,
    layout: TiffLayout,
    size_wh: tuple[int, int],
    piece_h: int,
    extents: list[tuple[int, int]],
) -> bytes:
    """Return a TIFF of one 8-bit channel whose strips are those (offset, length) of the file."""
    offsets, lengths = zip(*extents, strict=True)
    if max(offsets) + max(lengths) >= 2**32:
        raise ValueError("a strip or tile is beyond the file's end")
    width, height = size_wh
    lists_at = len(data) + len(data) % 2
    count = len(offsets)
    tags = {
        WIDTH: (1, width),
        HEIGHT: (1, height),
        258: (1, 8),
        259: (1, layout.compression),
        262: (1, 1),
        266: (1, layout.fill_order),
        STRIPS: (count, lists_at if count > 1 else offsets[0]),
        277: (1, 1),
        ROWS_A_STRIP: (1, piece_h),
        STRIP_BYTES: (count, lists_at + 4 * count if count > 1 else lengths[0]),
    }
    lists = struct.pack(f"<{2 * count}I", *offsets, *lengths)
    directory = struct.pack("<H", len(tags))
    directory += b"".join(struct.pack("<HHII", tag, _LONG, *value) for tag, value in tags.items())
    file = io.BytesIO()
    file.write(struct.pack("<2sHI", b"II", 42, lists_at + len(lists)))
    file.write(memoryview(data)[8:])
    file.write(bytes(len(data) % 2) + lists + directory + bytes(4))
    return file.getvalue()


def _unpredict(packed: npt.NDArray[np.uint8], layout: TiffLayout, channels: int) -> _Samples:
    """Undo what was done to samples so that they compress well; of rows of bytes make rows of samples."""
    kind = np.dtype(layout.dtype)
    rows = packed.shape[0]
    if layout.predictor == 3:
        steps = packed.reshape(rows, -1, channels)
        np.cumsum(steps, axis=1, dtype=np.uint8, out=steps)
        parts = packed.reshape(rows, kind.itemsize, -1)  # all first bytes, all second ones, …
        packed = np.ascontiguousarray(parts.swapaxes(1, 2))
        kind = kind.newbyteorder(">")
    samples = packed.reshape(rows, -1).view(kind).reshape(rows, -1, channels)
    if not kind.isnative:
        samples = samples.byteswap(inplace=True).view(kind.newbyteorder("="))
    if layout.predictor == 2:
        np.cumsum(samples, axis=1, dtype=samples.dtype, out=samples)
    return samples


def _to_image(planes: list[_Samples], layout: TiffLayout) -> Image.Image:
    """Return 8-bit colours, and transparency where there is any."""
    height, width = planes[0].shape[:2]
    colours, alpha = layout.num_colours, _alpha(layout)
    mode = {RGB: "RGB", CMYK: "CMYK"}.get(layout.photometric, "L")
    if alpha:
        mode += "a" if alpha == _ASSOCIATED else "A"

    def part(box: tuple[int, int, int, int], channels: slice) -> _Samples:
        _, top, _, bottom = box
        pieces = [plane[top:bottom] for plane in planes]
        joined = pieces[0] if len(pieces) == 1 else np.concatenate(pieces, axis=2)
        chosen = joined[..., channels]
        return chosen.astype(np.float32) if chosen.dtype == np.float16 else chosen

    boxes = list(strips((width, height)))
    scale = scale_of(lambda: (part(box, slice(colours)) for box in boxes))
    image = Image.new(mode, (width, height))
    for box in boxes:
        result = scale(part(box, slice(colours)))
        if layout.photometric == WHITE_IS_ZERO:
            result = 255 - result
        if alpha:
            opaque = _opacity(part(box, slice(colours, colours + 1)), layout)
            result = np.concatenate([result, opaque], axis=2)
        image.paste(Image.frombytes(mode, (width, len(result)), result.tobytes()), box)
    return image


def _opacity(samples: _Samples, layout: TiffLayout) -> npt.NDArray[np.uint8]:
    """Return transparency, which has all of its type's range."""
    bits = layout.bits[0] - (layout.sample_format == SIGNED)
    highest = 1.0 if layout.sample_format == FLOATING else 2.0**bits - 1
    share = np.nan_to_num(samples.astype(np.float64)) / highest
    opaque: npt.NDArray[np.uint8] = np.rint(share.clip(0, 1) * 255).astype(np.uint8)
    return opaque
