"""Metadata leave a JPEG; what its pixels need stays."""

import pytest

from inference.decoding.jpeg_segments import without_metadata
from tests.builders import encode
from tests.inference.samples import jpeg_segment, picture


def test_metadata_segments_go_and_the_others_stay() -> None:
    plain = encode(picture().convert("CMYK"), "JPEG")
    laden = plain[:2] + jpeg_segment(0xE1, b"x" * 300) + jpeg_segment(0xED, b"y") + plain[2:]
    assert b"Adobe" in plain
    assert without_metadata(laden) == plain
    assert without_metadata(plain) == plain


@pytest.mark.parametrize("tail", [b"", b"\xff", b"\xff\xe1\x00", b"\xff\xe1\x00\x01zz", b"noise"])
def test_what_is_no_segment_is_kept_as_it_is(tail: bytes) -> None:
    head = b"\xff\xd8" + jpeg_segment(0xE0, b"JFIF\0")
    assert without_metadata(head + jpeg_segment(0xE1, b"Exif") + tail) == head + tail


def test_a_segment_that_outruns_the_file_goes_with_it() -> None:
    assert without_metadata(b"\xff\xd8\xff\xe1\xff\xffcut") == b"\xff\xd8"
