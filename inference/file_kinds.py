"""What kind of file something is, told by its first bytes and never by its name.

For whoever looks at a folder or an upload: `file_kind(head)` says whether the decoder takes the file, and
has a name for it either way. `kind.counted(40)` is "40 DICOM files", `kind.described` is "a DICOM file".
"""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from inference.raw_photos import is_raw_photo

# So many first bytes say all that there is to say; fewer may say less.
KIND_BYTES: Final = 4096
# What a text in any encoding does without, and hardly any other file.
_CONTROLS: Final = frozenset(range(32)) - frozenset(b"\t\n\r\f\x1b")
_SURELY_TEXT_BYTES: Final = 128


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file, by what a person calls it.

    Attributes:
        name: in the singular: "JPEG image", "DICOM file".
        image_format: the decoder's name for the format; None for what is known and not read.
    """

    name: str
    image_format: str | None = None

    @property
    def is_read(self) -> bool:
        """Whether the decoder takes files of this kind."""
        return self.image_format is not None

    @property
    def holds_picture(self) -> bool:
        """Whether files of this kind hold a picture, read or not."""
        return any(word in self.name for word in _PICTURES)

    @property
    def described(self) -> str:
        """The name with its article: "an HTML page"."""
        return f"{'an' if self.name.startswith(_AN) else 'a'} {self.name}"

    def counted(self, count: int) -> str:
        """Return the name with a number before it: "1 video", "40 DICOM files"."""
        if count == 1:
            return f"1 {self.name}"
        noun, of, rest = self.name.partition(" of ")
        return f"{count:,} {noun}s{of}{rest}"


# Words in the name of a kind of file that holds a picture, or stands in its place.
_PICTURES: Final = (
    *("image", "photo", "drawing", "icon", "texture", "metafile"),
    *("DICOM", "NIfTI", "FITS", "PDF", "Photoshop", "GIMP", "LFS"),
)
_AN: Final = (
    "AVIF",
    "HTML",
    "SVG",
    "XML",
    "MPEG",
    "OpenEXR",
    "Apple",
    "audio",
    "empty",
    "icon",
    "Office",
)


def counted_kinds(kinds: Mapping[FileKind, int]) -> str:
    """Return such as "40 DICOM files, 2 videos", the most frequent first."""
    ranked = sorted(kinds.items(), key=lambda entry: (-entry[1], entry[0].name))
    return ", ".join(kind.counted(count) for kind, count in ranked)


EMPTY: Final = FileKind("empty file")
UNKNOWN: Final = FileKind("file of unknown type")
TEXT: Final = FileKind("text file")
VIDEO: Final = FileKind("video")
RAW_PHOTO: Final = FileKind("RAW photo")
ZIP: Final = FileKind("ZIP archive")
_ZEROS: Final = FileKind("file of zeros")

# What the decoder reads, by its name for the format.
READ: Final[Mapping[str, FileKind]] = {
    kind.image_format: kind
    for kind in (
        FileKind("JPEG image", "JPEG"),
        FileKind("PNG image", "PNG"),
        FileKind("WebP image", "WEBP"),
        FileKind("GIF image", "GIF"),
        FileKind("BMP image", "BMP"),
        FileKind("HEIC image", "HEIF"),
        FileKind("AVIF image", "AVIF"),
        FileKind("TIFF image", "TIFF"),
        FileKind("JPEG 2000 image", "JPEG2000"),
        FileKind("Windows icon", "ICO"),
        FileKind("Netpbm image", "PPM"),
    )
    if kind.image_format is not None
}

_MAGIC: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG2000"),
    (b"\xff\x4f\xff\x51", "JPEG2000"),
    (b"\0\0\1\0", "ICO"),
)
_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

# Known and not read, by how they begin. Some of them hold pictures: those are named as what they are.
_STARTS: Final = tuple(
    (start, FileKind(name))
    for start, name in (
        (b"8BPS", "Photoshop file"),
        (b"%PDF", "PDF document"),
        (b"%!PS", "PostScript file"),
        (b"\xc5\xd0\xd3\xc6", "PostScript file"),
        (b"\xff\x0a", "JPEG XL image"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL image"),
        (b"II\xbc\1", "JPEG XR image"),
        (b"\xd7\xcd\xc6\x9a", "Windows metafile"),
        (b"icns", "macOS icon"),
        (b"qoif", "QOI image"),
        (b"DDS ", "DDS texture"),
        (b"gimp xcf", "GIMP file"),
        (b"BPG\xfb", "BPG image"),
        (b"\x76\x2f\x31\x01", "OpenEXR image"),
        (b"#?RADIANCE", "Radiance image"),
        (b"#?RGBE", "Radiance image"),
        (b"SIMPLE  =", "FITS file"),
        (b"\x89HDF\r\n\x1a\n", "HDF5 file"),
        (b"\x93NUMPY", "NumPy file"),
        (b"AT&TFORM", "DjVu document"),
        (b"PK\x03\x04", ZIP.name),
        (b"PK\x05\x06", ZIP.name),
        (b"\x1f\x8b", "gzip archive"),
        (b"BZh", "bzip2 archive"),
        (b"\xfd7zXZ\0", "xz archive"),
        (b"\x28\xb5\x2f\xfd", "Zstandard archive"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip archive"),
        (b"Rar!\x1a\x07", "RAR archive"),
        (b"SQLite format 3\0", "database"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Office document or Windows thumbnail store"),
        (b"\0\x05\x16\x07", "macOS metadata file"),  # AppleDouble: "._photo.jpg"
        (b"\0\0\0\1Bud1", "macOS metadata file"),  # .DS_Store
        (b"bplist00", "Apple property list"),  # ".photo.jpg.icloud": the photo is elsewhere
        (b"version https://git-lfs", "Git LFS pointer"),  # in the photo's place
        (b"\x7fELF", "program"),
        (b"MZ", "program"),
        (b"ID3", "audio file"),
        (b"OggS", "audio file"),
        (b"fLaC", "audio file"),
        (b"\x1a\x45\xdf\xa3", VIDEO.name),  # Matroska, WebM
        (b"\0\0\1\xba", VIDEO.name),
        (b"\0\0\1\xb3", VIDEO.name),
        (b"FLV\1", VIDEO.name),
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", VIDEO.name),  # Windows Media
        (b"FUJIFILMCCD-RAW", RAW_PHOTO.name),
        (b"IIRO", RAW_PHOTO.name),  # Olympus
        (b"IIRS", RAW_PHOTO.name),
        (b"IIU\0", RAW_PHOTO.name),  # Panasonic
        (b"FOVb", RAW_PHOTO.name),  # Sigma
        (b"\0MRM", RAW_PHOTO.name),  # Minolta
    )
)
# An ISO media file says what it is in its "brands".
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIF_BRANDS: Final = frozenset(
    {
        b"heic",
        b"heix",
        b"heim",
        b"heis",
        b"hevc",
        b"hevx",
        b"hevm",
        b"hevs",
        b"mif1",
        b"mif2",
        b"msf1",
    }
)
_AUDIO_BRANDS: Final = frozenset({b"M4A ", b"M4B ", b"M4P "})
_OLD_QUICKTIME: Final = frozenset({b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_RIFF: Final = {b"AVI ": VIDEO, b"WAVE": FileKind("audio file")}
_NETPBM: Final = re.compile(rb"P[1-6]\s+(#|\d)")
_OTHER_NETPBM: Final = re.compile(rb"P[7fF]\s+(#|\d|WIDTH)")
_HTML: Final = re.compile(rb"<(!doctype html|html|head|body|script|meta)\b", re.IGNORECASE)
_SVG: Final = re.compile(rb"<svg\b", re.IGNORECASE)


def file_kind(head: bytes) -> FileKind:
    """Return what kind of file begins with `head`, its first `KIND_BYTES` bytes or all of it.

    Never fails: what nobody knows is `UNKNOWN`. A kind that `is_read` may still be damaged.
    """
    image_format = read_format(head)
    return READ[image_format] if image_format is not None else _other_kind(head)


def read_format(head: bytes) -> str | None:
    """Return the decoder's name (`"JPEG"`, …) of the format that begins with `head`; None for no such."""
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith(_TIFF):
        return None if is_raw_photo(head) else "TIFF"
    if head[4:8] == b"ftyp":
        return _iso_format(head)
    if head[:1] == b"P" and _NETPBM.match(head):
        return "PPM"
    # Not a text about BMWs.
    return "BMP" if head.startswith(b"BM") and _text(head[:KIND_BYTES]) is None else None


def _iso_format(head: bytes) -> str | None:
    brands = iso_brands(head)
    if _AVIF_BRANDS.intersection(brands):
        return "AVIF"
    return "HEIF" if _HEIF_BRANDS.intersection(brands) and brands[0] != b"crx " else None


def _other_kind(head: bytes) -> FileKind:
    if not head:
        return EMPTY
    for look in (_scientific, _raw_photo, _by_start, _iso_media, _markup, _text):
        kind = look(head)
        if kind is not None:
            return kind
    return UNKNOWN


def _scientific(head: bytes) -> FileKind | None:
    if head[128:132] == b"DICM":
        return FileKind("DICOM file")
    if head[344:348] in (b"n+1\0", b"ni1\0"):
        return FileKind("NIfTI file")
    return FileKind("tar archive") if head[257:262] == b"ustar" else None


def _raw_photo(head: bytes) -> FileKind | None:
    return RAW_PHOTO if is_raw_photo(head) else None


def _by_start(head: bytes) -> FileKind | None:
    for start, kind in _STARTS:
        if head.startswith(start):
            return kind
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    return FileKind("Netpbm image") if _OTHER_NETPBM.match(head) else None


def _iso_media(head: bytes) -> FileKind | None:
    brands = iso_brands(head)
    if not brands:
        return VIDEO if head[4:8] in _OLD_QUICKTIME else None
    if brands[0] == b"crx ":  # Canon's CR3
        return RAW_PHOTO
    return FileKind("audio file") if brands[0] in _AUDIO_BRANDS else VIDEO


def iso_brands(head: bytes) -> list[bytes]:
    """Return the brands of an ISO media file, its major one first; none for another file."""
    if head[4:8] != b"ftyp":
        return []
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return [head[8:12], *(head[at : at + 4] for at in range(16, end - 3, 4))]


def _markup(head: bytes) -> FileKind | None:
    start = head[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if _HTML.match(start):
        return FileKind("HTML page")
    if start.startswith((b"<?xml", b"<!--", b"<svg", b"<SVG", b"<!DOCTYPE")):
        if _SVG.search(head):
            return FileKind("SVG drawing")
        return FileKind("HTML page" if _HTML.search(head) else "XML file")
    return None


def _text(head: bytes) -> FileKind | None:
    if not head.strip(b"\0"):
        return _ZEROS
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return TEXT
    if not _CONTROLS.isdisjoint(head):
        return None
    return TEXT if len(head) >= _SURELY_TEXT_BYTES or _is_utf8(head) else None


def _is_utf8(head: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # its last character may be cut
    except UnicodeDecodeError:
        return False
    return True
