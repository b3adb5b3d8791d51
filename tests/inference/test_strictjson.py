"""Nothing is guessed or coerced, and each refusal names its place."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from inference.strictjson import from_json, parse_json, to_json
from inference.traffic import Traffic


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    ratio: float
    count: int = 0

    def __post_init__(self) -> None:
        if self.count < 0:
            raise ValueError(f"count must not be negative, got {self.count}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer:
    text: str
    flag: bool
    kind: Literal["a", "b"]
    pair: tuple[int, int]
    many: tuple[Inner, ...]
    by_kind: Mapping[Literal["a", "b"], Inner]
    maybe: float | None
    anything: Mapping[str, Any]


WHOLE = Outer(
    text="한글 🎸",
    flag=True,
    kind="a",
    pair=(1, 2),
    many=(Inner(ratio=0.5), Inner(ratio=1.0, count=3)),
    by_kind={"b": Inner(ratio=2.0)},
    maybe=None,
    anything={"x": [1, "two", None], "y": {"z": False}},
)


def changed(**changes: Any) -> dict[str, Any]:
    return {**to_json(WHOLE), **changes}


def test_a_dataclass_survives_json_text() -> None:
    text = json.dumps(to_json(WHOLE), ensure_ascii=False)
    assert from_json(Outer, json.loads(text), where="outer") == WHOLE


def test_a_whole_number_is_a_float_where_one_is_asked_for() -> None:
    built = from_json(Inner, {"ratio": 1}, where="inner")
    assert built == Inner(ratio=1.0)
    assert type(built.ratio) is float


def test_a_default_may_be_left_out() -> None:
    assert from_json(Inner, {"ratio": 0.5}, where="inner").count == 0
    assert from_json(Traffic, {"shadow": "2"}, where="traffic").weights == {}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": 1}, "outer.text must be of type str, got 1"),
        ({"text": None}, "outer.text must be of type str, got None"),
        ({"flag": 1}, "outer.flag must be of type bool, got 1"),
        ({"flag": "true"}, "outer.flag must be of type bool, got 'true'"),
        ({"kind": "c"}, "outer.kind must be one of ['a', 'b'], got 'c'"),
        ({"kind": ["a"]}, "outer.kind must be one of ['a', 'b'], got a list"),
        ({"pair": [1]}, "outer.pair must have 2 entries, has 1"),
        ({"pair": [1, 2.0]}, "outer.pair[1] must be of type int, got 2.0"),
        ({"pair": [1, True]}, "outer.pair[1] must be of type int, got True"),
        ({"pair": "12"}, "outer.pair must be a list, got '12'"),
        ({"many": {"ratio": 1}}, "outer.many must be a list, got a dict"),
        ({"many": [{"ratio": 1}, {}]}, "outer.many[1] lacks ['ratio']"),
        ({"many": [{"ratio": 1, "x": 1}]}, "outer.many[0] has unknown keys ['x']"),
        ({"many": [{"ratio": 1, "count": -1}]}, "outer.many[0]: count must not be negative"),
        ({"by_kind": []}, "outer.by_kind must be an object, got a list"),
        ({"by_kind": {"c": {"ratio": 1}}}, "each key of outer.by_kind must be one of ['a', 'b']"),
        ({"by_kind": {"a": {"ratio": "1"}}}, "outer.by_kind.a.ratio must be a finite number"),
        ({"maybe": "x"}, "outer.maybe must be a finite number, got 'x'"),
        ({"maybe": True}, "outer.maybe must be a finite number, got True"),
        ({"maybe": float("nan")}, "outer.maybe must be a finite number, got nan"),
        ({"maybe": float("inf")}, "outer.maybe must be a finite number, got inf"),
        ({"maybe": 10**400}, "outer.maybe must be a finite number, got 1000"),
        ({"new": 1, "more": 2}, "outer has unknown keys ['more', 'new']"),
    ],
)
def test_what_does_not_fit_is_refused_at_its_place(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match="outer") as refusal:
        from_json(Outer, changed(**change), where="outer")
    assert str(refusal.value).startswith(message)


@pytest.mark.parametrize("data", [None, [], "x", 1])
def test_what_is_no_object_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match="outer must be an object"):
        from_json(Outer, data, where="outer")


def test_a_huge_value_is_not_repeated_in_the_message() -> None:
    with pytest.raises(ValueError, match=r"outer\.text") as refusal:
        from_json(Outer, changed(text=[["x"] * 10_000]), where="outer")
    assert len(str(refusal.value)) < 200


def test_each_missing_key_is_named() -> None:
    data = to_json(WHOLE)
    for field in dataclasses.fields(Outer):
        rest = {key: value for key, value in data.items() if key != field.name}
        with pytest.raises(ValueError, match=rf"outer lacks \['{field.name}'\]"):
            from_json(Outer, rest, where="outer")


def test_no_message_is_long() -> None:
    long = "x" * 1_000_000
    for data in (
        changed(**{long + str(index): 1 for index in range(20)}),
        changed(text=[], anything={long: 1}),
        changed(by_kind={long: {}}),
        changed(kind=long),
    ):
        with pytest.raises(ValueError, match="outer") as refusal:
            from_json(Outer, data, where="outer")
        assert len(str(refusal.value)) <= 400


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[NaN]",
        "[-Infinity]",
        "[" * 100_000,
        r'"\ud800"',
        r'{"a": {"\uDFFF": 1}}',
        r'["\ud83d", "\ude00"]',
        b"\xff",
        "[" + "9" * 10_000 + "]",
    ],
    ids=lambda text: repr(text)[:20],
)
def test_json_that_could_not_be_written_again_is_refused(text: str | bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        parse_json(text)


def test_characters_beyond_the_first_plane_are_read_in_either_form() -> None:
    assert parse_json('["🎸", "\\ud83c\\udfb8"]') == ["🎸", "🎸"]
    assert parse_json('["🎸"]'.encode()) == ["🎸"]
