"""The form reader by itself: what it keeps, however the body is cut."""

import pytest

from service.bodies.form_data import FormReader
from service.errors import MalformedBody, TooManyImages

FORM = (
    b'--B\r\nContent-Disposition: form-data; name="a"; filename="one.png"\r\n\r\n'
    + b"1" * 50
    + b'\r\n--B\r\nContent-Disposition: form-data; name="b"\r\nContent-Type: image/png\r\n\r\n'
    + b"2" * 10
    + b'\r\n--B\r\nContent-Disposition: form-data; name="c"\r\n\r\n3\r\n--B--\r\n'
)


def reader(*, max_part_bytes: int = 1000, max_files: int = 9) -> FormReader:
    return FormReader(b"B", max_part_bytes=max_part_bytes, max_files=max_files)


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10_000])
def test_chunks_of_any_size_give_the_same_parts(size: int) -> None:
    made = reader()
    for start in range(0, len(FORM), size):
        made.feed(FORM[start : start + size])
    parts = made.finish()
    assert [(part.name, part.filename, part.is_file) for part in parts] == [
        ("a", "one.png", True),
        ("b", None, True),
        ("c", None, False),
    ]
    assert [part.data for part in parts] == [b"1" * 50, b"2" * 10, b"3"]


@pytest.mark.parametrize("size", [1, 10_000])
def test_a_part_over_the_limit_is_not_kept(size: int) -> None:
    made = reader(max_part_bytes=49)
    for start in range(0, len(FORM), size):
        made.feed(FORM[start : start + size])
    assert [part.data for part in made.finish()] == [None, b"2" * 10, b"3"]


def test_too_many_files_end_the_reading() -> None:
    reader(max_files=2).feed(FORM)
    with pytest.raises(TooManyImages):
        reader(max_files=1).feed(FORM)


def test_too_many_fields_end_the_reading() -> None:
    field = b'--B\r\nContent-Disposition: form-data; name="f"\r\n\r\n3\r\n'
    reader().feed(field * 100)
    with pytest.raises(TooManyImages):
        reader().feed(field * 200)


def test_a_boundary_that_fills_a_file_is_malformed() -> None:
    made = reader()
    with pytest.raises(MalformedBody, match="boundary occurs within"):
        made.feed(FORM[:-8] + b"\r\n--Bx" * 20_000)


def test_an_unfinished_form_is_malformed() -> None:
    made = reader()
    made.feed(FORM[:-8])
    with pytest.raises(MalformedBody, match="last boundary"):
        made.finish()
