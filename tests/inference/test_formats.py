"""The format is told by the first bytes, and what is refused is named."""

import pytest

from inference.errors import UndecodableImage, UnsupportedFormat
from inference.formats import ACCEPTED_FORMATS, IMAGE_SUFFIXES, sniff_format
from tests.builders import coloured


@pytest.mark.parametrize("image_format", ACCEPTED_FORMATS)
def test_an_accepted_format_is_told_by_its_first_bytes(image_format: str) -> None:
    assert sniff_format(coloured("red", image_format=image_format)) == image_format


def test_both_gif_versions_are_known() -> None:
    assert sniff_format(b"GIF87a") == sniff_format(b"GIF89a") == "GIF"


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"<!DOCTYPE html><html><body>404</body></html>", "an HTML page"),
        (b"\n  <HTML><head>", "an HTML page"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "an SVG or XML file"),
        (b'<?xml version="1.0"?><svg/>', "an SVG or XML file"),
        (b"II*\x00\x08\x00\x00\x00", "a TIFF file"),
        (b"MM\x00*\x00\x00\x00\x08", "a TIFF file"),
        (b"%PDF-1.7\n", "a PDF file"),
        (b"%!PS-Adobe-3.0", "a PostScript file"),
        (b"8BPS\x00\x01", "a Photoshop file"),
        (b"\x00\x00\x01\x00\x01\x00", "a Windows icon file"),
        (b"PK\x03\x04\x14\x00", "a ZIP file"),
        (b"\x1f\x8b\x08\x00", "a gzip file"),
        (b"\x00\x00\x00\x18ftypheic\x00\x00\x00\x00", "HEIC"),
        (b"\x00\x00\x00\x1cftypavif\x00\x00\x00\x00", "AVIF"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "of an unknown type"),
        (b"\xff\xd8", "of an unknown type"),
        (b"hello", "of an unknown type"),
    ],
)
def test_another_file_is_refused_and_named(data: bytes, named: str) -> None:
    with pytest.raises(UnsupportedFormat) as refusal:
        sniff_format(data)
    assert named in str(refusal.value)
    assert "convert it to one of JPEG, PNG, WEBP, GIF, BMP" in str(refusal.value)


def test_no_bytes_are_undecodable_and_not_of_another_type() -> None:
    with pytest.raises(UndecodableImage, match="empty"):
        sniff_format(b"")


def test_suffixes_are_lower_case_as_their_users_compare_them() -> None:
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in IMAGE_SUFFIXES)
    assert {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"} <= IMAGE_SUFFIXES
