"""Pixels as JSON text, read by numpy as Python's parser would."""

import json
from typing import Any

import numpy as np
import pytest

from service.errors import MalformedBody
from service.oip.number_text import pixels_from_text

VALUES = np.random.default_rng(0).integers(0, 256, (3, 50, 70, 3)).astype(np.uint8)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "shape", [(31_500,), (1, 31_500), (31_500, 1), (3, 50, 70, 3), (150, 210), (1, 1, 1, 3, 10_500)]
)
def test_pixels_are_those_of_a_json_parser(shape: tuple[int, ...], indent: int | None) -> None:
    text = json.dumps(VALUES.reshape(shape).tolist(), indent=indent).encode()
    found = pixels_from_text("image", memoryview(text), count=VALUES.size)
    np.testing.assert_array_equal(found, VALUES.ravel())


def test_a_long_text_is_read_in_parts() -> None:
    values = np.tile(VALUES.ravel(), 30)
    text = json.dumps(values.tolist(), separators=(",", ":")).encode()
    assert len(text) > 2**21
    found = pixels_from_text("image", memoryview(text), count=values.size)
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize(
    "text",
    [
        b"[1,2,256]", b"[1,2,1000]", b"[1,2,-3]", b"[1,2,3.0]", b"[1,2,1e1]", b"[1,2,null]",
        b"[1 2,3,]", b"[1,,3]", b"[,1,2]", b"[1,2,]", b"[1,2,3,4]", b"[1,2]", b"[]", b"[[]]",
        b"[[1,2],[3]]", b"[[1],2,3]", b"[1,2,[3]]", b"[[1,2,3]", b"[1,2,3", b"1,2,3", b"[1,2],[3]",
        b"[[[1,2,3]]", b"[1[,2,]3]", b"[" * 100 + b"1,2,3" + b"]" * 100,
    ],
    ids=lambda text: text[:16].decode(),
)  # fmt: skip
def test_what_is_not_three_pixels_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedBody):
        pixels_from_text("image", memoryview(text), count=3)


def test_any_regular_list_is_taken_and_no_other() -> None:
    def regular(value: Any) -> bool:
        if not isinstance(value, list):
            return True
        shapes = {np.shape(item) for item in value}
        return len(shapes) == 1 and all(map(regular, value))

    random = np.random.default_rng(1)

    def draw(depth: int) -> Any:
        if depth == 0 or random.random() < 0.05:
            return int(random.integers(256))
        return [draw(depth - 1) for _ in range(random.integers(1, 3))]

    for _ in range(300):
        value = [draw(int(random.integers(1, 4))) for _ in range(2)]
        text = json.dumps(value).encode()
        count = text.count(b",") + 1
        try:
            expected = np.asarray(value).ravel().tolist() if regular(value) else None
        except ValueError:
            expected = None
        try:
            found = pixels_from_text("image", memoryview(text), count=count).tolist()
        except MalformedBody:
            found = None
        assert found == expected, value
