"""The format is told by the first bytes, and what is refused is named."""

import pytest

from inference.errors import UndecodableImage, UnsupportedFormat
from inference.formats import ACCEPTED_FORMATS, IMAGE_SUFFIXES, sniff_format
from tests.builders import coloured


@pytest.mark.parametrize("image_format", sorted(ACCEPTED_FORMATS.keys() - {"HEIF"}))
def test_an_accepted_format_is_told_by_its_first_bytes(image_format: str) -> None:
    assert sniff_format(coloured("red", image_format=image_format)) == image_format


def test_both_gif_versions_are_known() -> None:
    assert sniff_format(b"GIF87a") == sniff_format(b"GIF89a") == "GIF"


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"<!DOCTYPE html><html><body>404</body></html>", "an HTML page"),
        (bytes(128) + b"DICM", "a DICOM file"),
        (b"\xff\xd8", "a file of unknown type"),
    ],
)
def test_another_file_is_refused_and_named(data: bytes, named: str) -> None:
    with pytest.raises(UnsupportedFormat) as refusal:
        sniff_format(data)
    assert named in str(refusal.value)
    assert "not an accepted image" in str(refusal.value)


def test_no_bytes_are_undecodable_and_not_of_another_type() -> None:
    with pytest.raises(UndecodableImage, match="empty"):
        sniff_format(b"")


def test_suffixes_are_lower_case_as_their_users_compare_them() -> None:
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in IMAGE_SUFFIXES)
    assert {".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp"} <= IMAGE_SUFFIXES
