"""How the samples of a TIFF lie in the file, and which of them Pillow does not read, or reads wrongly."""

from dataclasses import dataclass
from typing import Final

from PIL import TiffImagePlugin

from inference.decoding.tiff_page import TiffPage

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
STRIPS, ORIENTATION, SAMPLES, ROWS_A_STRIP, STRIP_BYTES = 273, 274, 277, 278, 279
PLANAR, PREDICTOR, EXTRA_SAMPLES, SAMPLE_FORMAT = 284, 317, 338, 339
TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, PROFILE = 322, 323, 324, 325, 34675

RAW: Final = 1
UNSIGNED, SIGNED, FLOATING = 1, 2, 3
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, CMYK = 0, 1, 2, 5
_COLOURS: Final = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, CMYK: 4}
_COLOURS_OF_PILLOW: Final = {**_COLOURS, 3: 1, 6: 3, 8: 3}
_KINDS: Final = {UNSIGNED: "u", SIGNED: "i", FLOATING: "f"}
_KIND_BITS: Final = {UNSIGNED: (8, 16, 32), SIGNED: (8, 16, 32), FLOATING: (16, 32, 64)}
_MAX_SAMPLES: Final = 8
_DEEP: Final = 16

COMPRESSION_NAMES: Final = {
    RAW: "nothing",
    2: "a fax code",
    3: "a fax code",
    4: "a fax code",
    5: "LZW",
    6: "old-style JPEG",
    7: "JPEG",
    8: "deflate",
    32773: "PackBits",
    32809: "ThunderScan",
    32946: "deflate",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34676: "SGI LogLuv",
    34677: "SGI LogLuv",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG of a DNG",
    34925: "LZMA",
    34933: "PNG",
    34934: "JPEG XR",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
# Bytes in, bytes out, whatever the samples are.
_OF_BYTES: Final = frozenset({RAW, 5, 8, 32773, 32946, 34925, 50000})


@dataclass(frozen=True, slots=True, kw_only=True)
class TiffLayout:
    """The samples of a page.

    Attributes:
        is_big_endian: the file's byte order.
        is_big: BigTIFF.
        photometric, compression, predictor, fill_order: the tags' numbers.
        bits: of each sample.
        sample_format: unsigned, signed or floating.
        is_planar: each channel lies by itself.
        extra_samples: what those beyond the colours are: 0 unspecified, 1 or 2 alpha.
    """

    is_big_endian: bool
    is_big: bool
    photometric: int
    compression: int
    predictor: int
    fill_order: int
    bits: tuple[int, ...]
    sample_format: int
    is_planar: bool
    extra_samples: tuple[int, ...]

    @property
    def num_samples(self) -> int:
        """Channels, colours and others."""
        return len(self.bits)

    @property
    def num_colours(self) -> int:
        """Channels that are colours, where samples are read here."""
        return _COLOURS.get(self.photometric, 0)

    @property
    def dtype(self) -> str:
        """A sample, in NumPy's words."""
        return f"{'><'[not self.is_big_endian]}{_KINDS[self.sample_format]}{self.bits[0] // 8}"

    @property
    def is_read_here(self) -> bool:
        """Whether `tiff_samples.py` can read it."""
        return (
            0 < self.num_colours <= self.num_samples <= _MAX_SAMPLES
            and len(set(self.bits)) == 1
            and self.bits[0] in _KIND_BITS.get(self.sample_format, ())
            and self.compression in _OF_BYTES
            and self.predictor in (1, 3 if self.sample_format == FLOATING else 2)
        )

    @property
    def is_known_to_pillow(self) -> bool:
        """Whether Pillow has a name for it."""
        colours = _COLOURS_OF_PILLOW.get(self.photometric, 1)
        bits, extra = self.bits, self.extra_samples
        if self.is_planar and extra and max(extra) == 0:
            bits, extra = bits[: -len(extra)], ()
        if len(bits) != colours + len(extra) and extra:
            return False
        if self.is_big and self.is_big_endian:
            return False
        prefix = b"MM" if self.is_big_endian else b"II"
        key = (prefix, self.photometric, (self.sample_format,), self.fill_order, bits, extra)
        return key in TiffImagePlugin.OPEN_INFO

    @property
    def is_misread_by_pillow(self) -> bool:
        """Whether Pillow gives another picture than the file's.

        It takes signed bytes and long numbers for others, and channels that lie by themselves for one
        another; and turns the bytes of big-endian samples that libtiff has turned.
        """
        sample = (self.sample_format, self.bits[0])
        if sample in {(SIGNED, 8), (UNSIGNED, 32)}:
            return True
        if self.is_planar and self.num_samples > 1:
            is_odd = self.bits[0] >= _DEEP or 0 < self.num_colours < self.num_samples
            return self.num_samples == 2 or (is_odd and self.compression == RAW)
        is_swapped = self.is_big_endian and self.compression != RAW
        return is_swapped and self.sample_format != UNSIGNED and self.bits[0] >= _DEEP

    @property
    def is_sound_to_pillow(self) -> bool:
        """Whether Pillow reads it, and rightly."""
        return self.is_known_to_pillow and not self.is_misread_by_pillow

    @property
    def words(self) -> str:
        """What it is, for a person."""
        kind = {UNSIGNED: "", SIGNED: "signed ", FLOATING: "floating-point "}
        of = kind.get(self.sample_format, f"format-{self.sample_format} ")
        bits = "/".join(str(bits) for bits in sorted(set(self.bits)))
        name = COMPRESSION_NAMES.get(self.compression, f"number {self.compression}")
        return (
            f"{self.num_samples} {of}sample{'s' * (self.num_samples > 1)} of {bits} bits a pixel "
            f"(photometric interpretation {self.photometric}), compressed by {name}"
        )


def read_layout(page: TiffPage, data: bytes) -> TiffLayout:
    """Return how a page's samples lie in the file; what is not said as the standard, or Pillow, takes it."""
    compression = page.value(data, COMPRESSION, RAW)
    photometric = page.value(data, PHOTOMETRIC, 0)
    samples = page.value(data, SAMPLES, 3 if compression == 6 else 1)
    samples = min(max(samples, 1), 2 * _MAX_SAMPLES)
    bits = page.values(data, BITS, samples) or (1,)
    if len(bits) == 1:
        bits *= samples
    return TiffLayout(
        is_big_endian=page.is_big_endian,
        is_big=page.is_big,
        photometric=photometric,
        compression=compression,
        predictor=page.value(data, PREDICTOR, 1) or 1,
        fill_order=page.value(data, FILL_ORDER, 1),
        bits=bits,
        sample_format=page.value(data, SAMPLE_FORMAT, UNSIGNED),
        is_planar=page.value(data, PLANAR, 1) == 2,
        extra_samples=page.values(data, EXTRA_SAMPLES, samples),
    )
