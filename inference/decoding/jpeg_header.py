"""The header of a JPEG, walked marker by marker up to its first scan, and the scans that follow.

Pillow reads the same markers in Python, byte by byte where they are no markers, and libjpeg walks over all
blocks of the image for each scan; so both are counted before either begins.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from inference.decoding.header import RGB_BYTES, Header, check_exif, power_of_two_scale, too_many
from inference.decoding.profile_cost import profile_s
from inference.errors import UndecodableImage

# Honest files have some 20 segments; 16 MiB of colour profile or XMP in segments of 64 kB are 256.
_MAX_SEGMENTS: Final = 500
_MAX_EXIF_BYTES: Final = (
    2 * 2**20
)  # Pillow joins EXIF segments one after the other, copying all before
_MAX_PHOTOSHOP_BLOCKS: Final = 2_000
_MAX_TABLE_BYTES: Final = (
    2**16
)  # honest files have some 1,000: four tables of each kind, and the frame
_MAX_JUNK_BYTES: Final = 2**16
# Encoders write 3 to 12 scans, optimisers some 20.
_MAX_SCANS: Final = 100
_MAX_MARKERS_AFTER_SCAN: Final = 2_000

_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xDE}
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_OTHER_BITS: Final = frozenset(range(2, 17)) - {8}  # than all but detectors write
_ARITHMETIC: Final = frozenset({0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
_EXIF: Final = 0xE1
_PROFILE: Final = 0xE2
_PHOTOSHOP: Final = 0xED
# All but other applications' segments and comments.
_LOOKED_INTO: Final = frozenset(range(0x100)) - {0xFE, *range(0xE0, 0xF0)} | {0xE1, 0xE2, 0xED}
_WITHOUT_LENGTH: Final = frozenset({0x00, 0xC8, *range(0xD0, 0xDA), *range(0xF0, 0xFE)})
_START_OF_SCAN: Final = 0xDA
_END_OF_IMAGE: Final = 0xD9
_NO_FILL: Final = re.compile(rb"[^\xff]")
_MARKER_IN_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")

# Upper bounds on two cores of 2023, Huffman codes: for a byte, a sample of a component, and an 8x8
# block of one component in one scan.
_S_A_BYTE: Final = {"baseline": 12e-9, "scans": 30e-9}
_S_A_SAMPLE: Final = {"scaled": 2e-9, "whole": 6e-9}
_S_A_BLOCK: Final = 7e-9
_ARITHMETIC_S_A_SAMPLE: Final = 60e-9


@dataclass(slots=True)
class _Start:
    """What stands before the first scan; `scan` is where its data begin, None where there is none."""

    marker: int = 0
    size_wh: tuple[int, int] = (0, 0)
    sampling: tuple[tuple[int, int], ...] = ()
    scan: int | None = None
    scan_header: bytes = b""
    table_bytes: int = 0
    photoshop_blocks: int = 0
    exif: list[bytes] = field(default_factory=list)
    exif_bytes: int = 0
    profile_bytes: int = 0

    @property
    def num_pixels(self) -> int:
        return self.size_wh[0] * self.size_wh[1]

    @property
    def is_in_scans(self) -> bool:
        return self.marker in _PROGRESSIVE or self.scan_header[0] < len(self.sampling)

    @property
    def num_samples(self) -> int:
        """Of all components, each with its own resolution."""
        width, height = self.size_wh
        most = max((h * v for h, v in self.sampling), default=1)
        return sum(width * height * h * v // most for h, v in self.sampling)


def read_jpeg_header(data: bytes, shorter_px: int | None = None) -> Header | None:
    """Return the header; None for a file without a frame or a scan, which no decoder takes.

    Raises:
        UndecodableImage: more segments, filling or scans than an honest file has, or samples of more than
            8 bits.
    """
    start = _read_start(data)
    if start.exif:
        check_exif(b"".join(start.exif), "JPEG")
    if start.scan is None or not start.sampling:
        return None
    scale = power_of_two_scale(start.size_wh, shorter_px)
    num_samples = start.num_samples
    seconds = len(data) * _S_A_BYTE["scans" if start.is_in_scans else "baseline"]
    seconds += num_samples * _S_A_SAMPLE["scaled" if scale > 1 else "whole"]
    memory_bytes = 2 * RGB_BYTES * (start.size_wh[0] // scale) * (start.size_wh[1] // scale)
    if start.is_in_scans:
        seconds += _count_scans(data, start.scan) * (num_samples / 64) * _S_A_BLOCK
        memory_bytes = max(memory_bytes, memory_bytes // 2 + 2 * num_samples)
    if start.marker in _ARITHMETIC:
        seconds += num_samples * _ARITHMETIC_S_A_SAMPLE
    if start.profile_bytes:
        seconds += profile_s(start.profile_bytes, start.num_pixels / scale**2)
    return Header(size_wh=start.size_wh, seconds=seconds, memory_bytes=memory_bytes, scale=scale)


def scans_of(data: bytes) -> list[bytes] | None:
    """Return the header of each scan, where an image is stored in several; None where all is in one."""
    start = _read_start(data)
    if start.scan is None or not start.is_in_scans:
        return None
    scans = [start.scan_header]
    for found in _MARKER_IN_SCAN.finditer(data, start.scan):
        if data[found.end() - 1] == _START_OF_SCAN:
            length = int.from_bytes(data[found.end() : found.end() + 2], "big")
            scans.append(data[found.end() + 2 : found.end() + length])
    return scans


def _read_start(data: bytes) -> _Start:
    start, position, junk_bytes = _Start(), 2, 0
    for _ in range(2 * _MAX_SEGMENTS):  # each may have filling before it
        if position + 4 > len(data):
            return start
        fill, marker, high, low = data[position : position + 4]
        if fill != 0xFF or marker == 0xFF:
            found = _next_marker(data, position, _MAX_JUNK_BYTES - junk_bytes)
            if found is None:
                return start
            junk_bytes += found - position
            position = found
            continue
        if marker in _WITHOUT_LENGTH:
            position += 2
            continue
        body_at = position + 4
        position += 2 + max(2, high << 8 | low)
        if marker in _LOOKED_INTO:
            _take_segment(start, marker, data[body_at:position])
            if marker == _START_OF_SCAN:
                start.scan = position
                return start
    raise too_many("segments", "JPEG")


def _next_marker(data: bytes, position: int, max_junk_bytes: int) -> int | None:
    """Return where the next marker begins, behind junk and fill bytes; None at the end."""
    reach = position + max_junk_bytes + 2
    fill_at = data.find(b"\xff", position, reach)
    found = _NO_FILL.search(data, fill_at, reach) if fill_at >= 0 else None
    if found is not None:
        return found.start() - 1
    if reach < len(data):
        raise too_many("bytes between its segments", "JPEG")
    return None


def _take_segment(start: _Start, marker: int, body: bytes) -> None:
    if marker == _EXIF:
        if body.startswith(b"Exif\0\0"):
            start.exif.append(body[6:])
            start.exif_bytes += len(body)
            if start.exif_bytes > _MAX_EXIF_BYTES:
                raise too_many("bytes of EXIF", "JPEG")
    elif marker == _PROFILE:
        if body.startswith(b"ICC_PROFILE\0"):
            start.profile_bytes += len(body)
    elif marker == _PHOTOSHOP:
        start.photoshop_blocks += body.count(b"8BIM")
        if start.photoshop_blocks > _MAX_PHOTOSHOP_BLOCKS:
            raise too_many("Photoshop blocks", "JPEG")
    else:
        _take_table(start, marker, body)


def _take_table(start: _Start, marker: int, body: bytes) -> None:
    start.table_bytes += len(body)
    if start.table_bytes > _MAX_TABLE_BYTES:
        raise too_many("tables", "JPEG")
    if marker in _FRAMES and len(body) >= 6:
        if body[0] in _OTHER_BITS:
            raise UndecodableImage(
                f"JPEG image of {body[0]} bits a sample is not read; save it again with 8 bits, or as PNG"
            )
        start.marker = marker
        start.size_wh = (body[3] << 8 | body[4], body[1] << 8 | body[2])
        factors = body[7 : 6 + 3 * body[5] : 3]
        start.sampling = tuple((max(1, f >> 4), max(1, f & 15)) for f in factors)
    elif marker == _START_OF_SCAN and body:
        start.scan_header = body


def _count_scans(data: bytes, first_scan: int) -> int:
    # More than there are where the file goes on behind the image: a second picture, a film.
    at_most = 1 + data.count(b"\xff\xda", first_scan)
    scans = at_most if at_most <= _MAX_SCANS // 4 else _walk_scans(data, first_scan)
    if scans > _MAX_SCANS:
        raise too_many("scans", "JPEG")
    return scans


def _walk_scans(data: bytes, position: int) -> int:
    scans = 1
    for _ in range(_MAX_MARKERS_AFTER_SCAN):
        found = _MARKER_IN_SCAN.search(data, position)
        if found is None or data[found.end() - 1] == _END_OF_IMAGE:
            return scans
        marker, position = data[found.end() - 1], found.end()
        scans += marker == _START_OF_SCAN
        if scans > _MAX_SCANS:
            return scans
        if marker not in _WITHOUT_LENGTH:
            position += int.from_bytes(data[position : position + 2], "big")
    raise too_many("segments", "JPEG")
