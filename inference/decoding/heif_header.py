"""The header of a HEIC or AVIF: the picture that is shown, and the pixels that its codec works through."""

import struct
from dataclasses import dataclass, replace
from typing import Final, Literal

from inference.decoding.coded_pictures import (
    Coded,
    Units,
    read_av1_data,
    read_hevc_data,
    read_hevc_parameters,
)
from inference.decoding.header import RGB_BYTES, Header, power_of_two_scale, too_many
from inference.decoding.iso_boxes import Pictures, read_pictures
from inference.decoding.profile_cost import profile_s

_HEVC: Final = frozenset({b"hvc1", b"hev1"})
_AV1: Final = b"av01"
_PUT_TOGETHER: Final = frozenset({b"grid", b"iovl", b"iden"})
_MAX_DEPTH: Final = 4
_PROFILES: Final = frozenset({b"prof", b"rICC"})
_ALPHA: Final = b"alpha"
_METADATA: Final = frozenset({b"Exif", b"mime"})
_MAX_METADATA_BYTES: Final = 32 * 2**20

# Of the codec: for a byte of its data, and a pixel of its pictures; of joining tiles; of all that follows:
# for a pixel shown.
_S_A_BYTE: Final = {"HEIF": 90e-9, "AVIF": 70e-9}
_S_A_CODED_PIXEL: Final = {"HEIF": 24e-9, "AVIF": 9e-9}
_S_A_JOINED_PIXEL: Final = 6e-9
_S_A_PIXEL: Final = {"HEIF": 10e-9, "AVIF": 5e-9}
# The codec's picture (4:2:0 mostly), the picture that tiles are put into, and RGB in three copies.
_BYTES_A_CODED_PIXEL: Final = 2
_BYTES_A_PIXEL: Final = 3 + 3 + RGB_BYTES


def read_heif_header(
    data: bytes, shorter_px: int | None = None, *, image_format: Literal["HEIF", "AVIF"]
) -> Header | None:
    """Return the header; None for a file without a picture.

    Raises:
        UndecodableImage: more parts than an honest file has.
    """
    try:
        pictures = read_pictures(data)
        if pictures is None or pictures.primary not in pictures.kinds:
            return None
        _check_metadata(pictures)
        size_wh = _shown_size(data, pictures, pictures.primary)
        reading = _Reading(data, pictures)
        work = reading.work_of(pictures.primary)
        for helper, helped in pictures.helpers.items():
            if helped == pictures.primary and _is_alpha(data, pictures, helper):
                alpha = reading.work_of(helper)
                work = replace(work, coded_pixels=work.coded_pixels + alpha.coded_pixels)
    except (struct.error, IndexError):
        return None
    num_pixels = max(size_wh[0] * size_wh[1], work.largest_pixels)
    seconds = (
        len(data) * _S_A_BYTE[image_format]
        + work.coded_pixels * _S_A_CODED_PIXEL[image_format]
        + work.joined_pixels * _S_A_JOINED_PIXEL
        + num_pixels * _S_A_PIXEL[image_format]
    )
    if profile_bytes := _profile_bytes(data, pictures):
        scale = power_of_two_scale(size_wh, shorter_px)
        seconds += profile_s(profile_bytes, num_pixels / scale**2)
    return Header(
        size_wh=size_wh,
        seconds=seconds,
        memory_bytes=num_pixels * (_BYTES_A_PIXEL + _BYTES_A_CODED_PIXEL)
        + _BYTES_A_CODED_PIXEL * work.largest_pixels,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """What a picture takes: pixels of the codec, of what tiles are put into, and of its largest picture."""

    coded_pixels: int = 0
    joined_pixels: int = 0
    largest_pixels: int = 0


class _Reading:
    """Adds up what a picture is made of, each part read once."""

    def __init__(self, data: bytes, pictures: Pictures) -> None:
        self._data = data
        self._view = memoryview(data)
        self._pictures = pictures
        self._units = Units()
        self._known: dict[int, _Work] = {}

    def work_of(self, item: int, depth: int = 0) -> _Work:
        """Return what it takes to decode an item."""
        if depth > _MAX_DEPTH:
            raise too_many("pictures within pictures", "HEIC or AVIF")
        if item not in self._known:
            if self._pictures.kinds.get(item) in _PUT_TOGETHER:
                self._known[item] = self._put_together(item, depth)
            else:
                self._known[item] = self._coded(item)
        return self._known[item]

    def _put_together(self, item: int, depth: int) -> _Work:
        parts = [self.work_of(part, depth + 1) for part in self._pictures.made_of.get(item, ())]
        own = self._canvas(item)
        return _Work(
            coded_pixels=sum(part.coded_pixels for part in parts),
            joined_pixels=sum(part.joined_pixels for part in parts) + own,
            largest_pixels=max(own, *(part.largest_pixels for part in parts), 0),
        )

    def _canvas(self, item: int) -> int:
        """Return the pixels of what parts are put into, which its data say."""
        width, height = _shown_size(self._data, self._pictures, item)
        said = width * height
        for start, _ in self._pictures.extents.get(item, ()):
            flags = self._data[start + 1]
            at, kind = (start + 4, ">II" if flags & 1 else ">HH")
            if self._pictures.kinds[item] == b"grid":
                width, height = struct.unpack_from(kind, self._data, at)
                said = max(said, width * height)
            break
        return said

    def _coded(self, item: int) -> _Work:
        coded = Coded()
        coded.see(_shown_size(self._data, self._pictures, item))
        kind = self._pictures.kinds.get(item)
        pieces = [
            self._view[start : min(end, len(self._data))]
            for start, end in self._pictures.extents.get(item, ())
        ]
        if kind in _HEVC:
            length_bytes = read_hevc_parameters(bytes(self._view_of(item, b"hvcC")), coded)
            for piece in pieces:
                read_hevc_data(piece, length_bytes, coded, self._units)
        elif kind == _AV1:
            for piece in (self._view_of(item, b"av1C")[4:], *pieces):
                read_av1_data(piece, coded, self._units)
        pixels = coded.size_wh[0] * coded.size_wh[1]
        return _Work(coded_pixels=pixels * max(1, coded.times), largest_pixels=pixels)

    def _view_of(self, item: int, kind: bytes) -> memoryview:
        box = self._pictures.property_of(item, kind)
        return self._view[box[1] : box[2]] if box is not None else self._view[:0]


def _shown_size(data: bytes, pictures: Pictures, item: int) -> tuple[int, int]:
    box = pictures.property_of(item, b"ispe")
    if box is None:
        return 0, 0
    width, height = struct.unpack_from(">II", data, box[1] + 4)
    return width, height


def _is_alpha(data: bytes, pictures: Pictures, item: int) -> bool:
    box = pictures.property_of(item, b"auxC")
    return box is None or _ALPHA in data[box[1] : box[2]]


def _profile_bytes(data: bytes, pictures: Pictures) -> int:
    profiles = (
        end - start
        for kind, start, end in pictures.properties.get(pictures.primary, ())
        if kind == b"colr" and data[start : start + 4] in _PROFILES
    )
    return sum(profiles)


def _check_metadata(pictures: Pictures) -> None:
    """Refuse metadata that would be copied for many pictures: all are listed, though one is decoded."""
    is_metadata = {item: kind in _METADATA for item, kind in pictures.kinds.items()}
    metadata_bytes = sum(
        end - start
        for item, places in pictures.extents.items()
        if is_metadata.get(item)
        for start, end in places
    )
    num_bytes = metadata_bytes * list(is_metadata.values()).count(False)
    num_bytes += sum(end - start for all_ in pictures.properties.values() for _, start, end in all_)
    if num_bytes > _MAX_METADATA_BYTES:
        raise too_many("bytes of metadata", "HEIC or AVIF")
