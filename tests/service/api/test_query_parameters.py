"""The query of a prediction: what is taken, what is refused, and where the refusal points."""

from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from service.api.query_parameters import ModelQuery, OptionsQuery, VersionQuery, read_query
from service.bodies.given_once import given_once


def request(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode()})


def refused(query: str, kind: type[OptionsQuery] = ModelQuery) -> list[dict[str, Any]]:
    with pytest.raises(RequestValidationError) as raised:
        read_query(request(query), kind)
    return list(raised.value.errors())


def test_no_query_is_all_defaults() -> None:
    assert read_query(request(""), ModelQuery) == ModelQuery()


def test_every_parameter_is_read() -> None:
    text = "model=a%20b&version=3&top_k=2&precision=int8&embedding=true&activation_map=1&set=yes"
    query = read_query(request(text), ModelQuery)
    assert (query.model, query.version, query.precision) == ("a b", "3", "int8")
    options = query.options()
    assert options.top_k == 2
    assert options.embedding
    assert options.activation_map
    assert options.label_set


@pytest.mark.parametrize(
    ("sent", "meant"), [("topk", "top_k"), ("Top_K", "top_k"), ("modle", "model"), ("sets", "set")]
)
def test_a_parameter_that_is_not_known_is_named_with_the_one_that_was_meant(
    sent: str, meant: str
) -> None:
    (error,) = refused(f"{sent}=3")
    assert error["loc"] == ("query", sent)
    assert error["msg"] == f"there is no such parameter; did you mean {meant}?"


def test_a_parameter_like_none_is_told_those_there_are() -> None:
    (error,) = refused("zzzz=3")
    assert "there are activation_map, embedding, model" in error["msg"]


def test_a_body_fills_in_what_the_query_leaves_open() -> None:
    query = read_query(request("top_k=2&set=1"), VersionQuery)
    filled = query.with_body({"top_k": "1", "set": "0", "version": 3, "embedding": "on", "x": "y"})
    assert (filled.top_k, filled.label_set) == (2, True)
    assert (filled.version, filled.embedding) == ("3", True)
    assert query.with_body({"x": "y", "precision": None, "version": ""}) is query
    with pytest.raises(RequestValidationError) as raised:
        query.with_body({"precision": "fp7"})
    assert raised.value.errors()[0]["loc"] == ("body", "precision")


def test_a_parameter_of_another_address_is_not_known() -> None:
    assert read_query(request("version=3"), VersionQuery).version == "3"
    (error,) = refused("version=3", OptionsQuery)
    assert error["loc"] == ("query", "version")


def test_every_parameter_that_does_not_fit_is_named() -> None:
    errors = refused("top_k=0&precision=fp64")
    assert [error["loc"][1] for error in errors] == ["top_k", "precision"]


@pytest.mark.parametrize("name", sorted(ModelQuery.names()))
def test_a_parameter_that_is_sent_twice_or_empty_is_refused(name: str) -> None:
    (error,) = refused(f"{name}=1&{name}=2")
    assert (error["loc"], error["msg"]) == (("query", name), "is given 2 times; give it once")
    (error,) = refused(f"{name}=")
    assert error["msg"].startswith("has no value; must be ")


def test_an_option_that_a_form_has_twice_is_refused() -> None:
    options = given_once([("top_k", "1"), ("top_k", "2"), ("tag", "x"), ("tag", "y")])
    with pytest.raises(RequestValidationError) as raised:
        ModelQuery().with_body(options)
    (error,) = raised.value.errors()
    assert (error["loc"], error["msg"]) == (("body", "top_k"), "is given 2 times; give it once")


def test_a_precision_may_be_written_in_any_case() -> None:
    assert read_query(request("precision=BF16"), ModelQuery).precision == "bf16"
    (error,) = refused("precision=FP64")
    assert error["msg"] == "must be 'auto', 'fp32', 'fp16', 'int8' or 'bf16'"


def test_a_query_that_comes_again_is_not_parsed_again_unless_it_is_long() -> None:
    assert read_query(request("top_k=3"), ModelQuery) is read_query(request("top_k=3"), ModelQuery)
    padded = "top_k=3&version=" + "0" * 90 + "&model=" + "%20" * 100 + "&" * 200
    first, second = (read_query(request(padded), ModelQuery) for _ in range(2))
    assert first == second
    assert first is not second
