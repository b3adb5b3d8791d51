"""Cutting the long values out of JSON: what is left says the same, and is small."""

import json

import pytest

from service.bodies.json_skeleton import CutJson, cut_json
from service.errors import MalformedBody, TooManyImages

LONG = "QUJD" * 200
NUMBERS = list(range(256)) * 8


def whole(value: object, cut: CutJson) -> object:
    """Put what was cut out back."""
    if isinstance(value, dict):
        return {key: whole(item, cut) for key, item in value.items()}
    if isinstance(value, list):
        return [whole(item, cut) for item in value]
    found = cut.take(value)
    if found is None:
        return value
    text = bytes(found.json).decode()
    return json.loads(f'"{text}"' if found.kind == "text" else text)


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize(
    "value",
    [
        {"images": [LONG, "short", LONG + "/\n+"], "top_k": 3, "none": None},
        {"inputs": [{"name": "image", "shape": [1, 2048], "data": NUMBERS}], "outputs": []},
        {"inputs": [{"data": [[NUMBERS, NUMBERS], [NUMBERS, NUMBERS]], "shape": [2, 2, 2048]}]},
        [NUMBERS],
        NUMBERS,
        LONG,
        {"a": 'quotes "\\" and \\\\ backslashes \\', "b": LONG},
        {},
    ],
    ids=lambda value: json.dumps(value)[:30],
)
def test_nothing_is_lost(value: object, indent: int | None) -> None:
    cut = cut_json(json.dumps(value, indent=indent).encode(), max_images=40)
    assert whole(cut.parse(), cut) == value
    cut.check_all_taken()


def test_the_skeleton_is_small() -> None:
    cut = cut_json(json.dumps({"images": [LONG] * 30, "data": NUMBERS}).encode(), max_images=32)
    assert len(cut.text) < 2000


def test_a_text_that_looks_like_what_stands_for_another_is_a_text() -> None:
    (mark,) = cut_json(json.dumps([LONG]).encode(), max_images=1).parse()
    cut = cut_json(json.dumps(["0123456789abcdef:0", "x"]).encode(), max_images=1)
    assert [cut.take(value) for value in cut.parse()] == [None, None]
    assert mark.endswith(":0")


@pytest.mark.parametrize(
    "body",
    [
        b'["' + b"a" * 300,
        b'["a\\"',
        b'{"' + b"k" * 300 + b'": 1}',
        b'{"' + b"k" * 300 + b'"   : 1}',
        b'["",' + b'"",' * 50_000 + b'""]',
        b"[" * 100_000,
        b"9" * 100_000,
        b" " * 100_000,
        b'["' + b'\\"' * 100_000 + b'"]',
        b'["' + b"\\" * 100_000 + b'"]',
    ],
    ids=lambda body: body[:12].decode(),
)
def test_what_is_not_mostly_images_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        cut_json(body, max_images=32)


def test_more_long_values_than_images_and_their_names_are_too_many() -> None:
    cut_json(json.dumps([LONG] * 5).encode(), max_images=2)  # one may be something else
    with pytest.raises(TooManyImages):
        cut_json(json.dumps([LONG] * 6).encode(), max_images=2)


def test_a_long_value_that_nobody_asked_for_is_refused() -> None:
    cut = cut_json(json.dumps({"id": LONG}).encode(), max_images=1)
    with pytest.raises(MalformedBody, match="no image belongs"):
        cut.check_all_taken()


@pytest.mark.parametrize("body", [b"{", b"[1,]", b"[" + b"[" * 300, b'{"a" 1}', b"", b"[NaN]"])
def test_what_is_left_is_parsed_strictly(body: bytes) -> None:
    with pytest.raises(MalformedBody, match="no JSON"):
        cut_json(body, max_images=1).parse()
