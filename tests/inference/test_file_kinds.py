"""What a file is, told by its first bytes: what is read, and a name for what is not."""

import struct

import pytest

from inference.file_kinds import EMPTY, KIND_BYTES, UNKNOWN, file_kind
from inference.formats import ACCEPTED_FORMATS
from tests.builders import coloured


def tiff(*tags: tuple[int, int]) -> bytes:
    """Return the start of a TIFF whose first page has these tags, each a number."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)


def ftyp(major: bytes, *others: bytes) -> bytes:
    body = major + bytes(4) + b"".join(others)
    return struct.pack(">I", 8 + len(body)) + b"ftyp" + body + b"\0\0\0\x08mdat"


@pytest.mark.parametrize("image_format", sorted(ACCEPTED_FORMATS.keys() - {"HEIF"}))
def test_what_the_decoder_accepts_is_read(image_format: str) -> None:
    kind = file_kind(coloured("red", image_format=image_format)[:KIND_BYTES])
    assert kind.is_read
    assert kind.image_format == image_format


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (bytes(128) + b"DICM\x02\0", "DICOM file"),
        (tiff((0xFE, 1), (0x106, 2), (0x14A, 400)), "RAW photo"),  # NEF, ARW
        (tiff((0xFE, 0), (0xC612, 0x0104)), "RAW photo"),  # DNG
        (tiff((0x106, 32803)), "RAW photo"),
        (b"II*\0\x10\0\0\0CR\2\0", "RAW photo"),
        (ftyp(b"crx ", b"isom"), "RAW photo"),
        (b"FUJIFILMCCD-RAW 0201", "RAW photo"),
        (b"8BPS\0\1", "Photoshop file"),
        (b"%PDF-1.7\n", "PDF document"),
        (b"\xff\x0a\xfa\x7f", "JPEG XL image"),
        (ftyp(b"qt  ", b"qt  "), "video"),  # the film of a live photo
        (ftyp(b"isom", b"iso2", b"mp41"), "video"),
        (b"\0\0\0\x08wide\0\1\0\0mdat", "video"),
        (b"\x1a\x45\xdf\xa3\x9f", "video"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "audio file"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "HTML page"),
        (b"\xef\xbb\xbf\n  <HTML><head>", "HTML page"),
        (b'<?xml version="1.0"?><!-- by hand --><svg/>', "SVG drawing"),
        (b'<?xml version="1.0"?><annotation/>', "XML file"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer"),
        (b"\0\x05\x16\x07\0\2\0\0Mac OS X", "macOS metadata file"),
        (b"\x1f\x8b\x08\0", "gzip archive"),
        ("file,label\nphoto,고양이".encode() + b"\xea\xb3", "text file"),  # a letter cut in two
        ("file,label\n고양이\n".encode("cp949") * 20, "text file"),
        (b"BMW and VW are makers of cars", "text file"),
        (bytes(500), "file of zeros"),
    ],
)
def test_what_is_known_and_not_read_has_a_name(head: bytes, name: str) -> None:
    kind = file_kind(head)
    assert kind.name == name
    assert not kind.is_read


@pytest.mark.parametrize(
    ("head", "image_format"),
    [
        (ftyp(b"heic", b"mif1"), "HEIF"),
        (ftyp(b"mif1", b"mif1", b"heic"), "HEIF"),
        (ftyp(b"mif1", b"avif", b"miaf"), "AVIF"),
        (ftyp(b"avis", b"avif"), "AVIF"),
        (tiff((0x100, 4), (0x106, 2)), "TIFF"),
        (b"MM\0+\0\x08\0\0", "TIFF"),
        (b"P2\n# by hand\n4 4", "PPM"),
    ],
)
def test_a_format_is_told_by_more_than_its_first_word(head: bytes, image_format: str) -> None:
    assert file_kind(head).image_format == image_format


def test_nobody_knows_everything() -> None:
    assert file_kind(b"") is EMPTY
    assert file_kind(bytes(range(256))) is UNKNOWN
    assert file_kind(b"\xff\xd8") is UNKNOWN


def test_a_kind_is_counted_and_described_in_words() -> None:
    dicom = file_kind(bytes(128) + b"DICM")
    assert (dicom.counted(1), dicom.counted(1200)) == ("1 DICOM file", "1,200 DICOM files")
    assert UNKNOWN.counted(2) == "2 files of unknown type"
    assert file_kind(b"<html>").described == "an HTML page"
    assert dicom.described == "a DICOM file"
