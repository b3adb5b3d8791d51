"""What a body is, by its first bytes."""

import pytest

from inference.formats import IMAGE_SUFFIXES
from service.bodies.encoded_text import refuse_file_name
from service.bodies.predict_body import BodyKind, kind_of_body
from service.errors import InvalidBase64


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        ("사진".encode(), BodyKind.TEXT),
        ("사진".encode()[:-1], BodyKind.TEXT),  # more of it is still to come
        (b"\xff\xfe", BodyKind.UNKNOWN),
        (b"text\xff\xff\xff", BodyKind.UNKNOWN),
    ],
)
def test_a_text_is_one_to_its_last_byte(start: bytes, kind: BodyKind) -> None:
    assert kind_of_body("", start) is kind


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_the_name_of_any_image_file_is_told(suffix: str) -> None:
    with pytest.raises(InvalidBase64, match="is the name of a file"):
        refuse_file_name(f" my photo{suffix.upper()}\n".encode())
