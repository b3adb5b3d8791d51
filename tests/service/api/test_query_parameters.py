"""The query of a prediction: what is taken, what is refused, and where the refusal points."""

from typing import Any

import pytest
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from service.api.query_parameters import ModelQuery, OptionsQuery, VersionQuery, read_query


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


def test_a_parameter_that_is_not_known_is_named() -> None:
    (error,) = refused("topk=3")
    assert error["loc"] == ("query", "topk")


def test_a_parameter_of_another_address_is_not_known() -> None:
    assert read_query(request("version=3"), VersionQuery).version == "3"
    (error,) = refused("version=3", OptionsQuery)
    assert error["loc"] == ("query", "version")


def test_every_parameter_that_does_not_fit_is_named() -> None:
    errors = refused("top_k=0&precision=fp64")
    assert [error["loc"][1] for error in errors] == ["top_k", "precision"]


def test_of_a_parameter_that_is_sent_twice_the_last_one_counts() -> None:
    assert read_query(request("top_k=1&top_k=2"), ModelQuery).top_k == 2


def test_a_query_that_comes_again_is_not_parsed_again_unless_it_is_long() -> None:
    assert read_query(request("top_k=3"), ModelQuery) is read_query(request("top_k=3"), ModelQuery)
    padded = "top_k=3&version=" + "0" * 90 + "&model=" + "%20" * 100 + "&" * 200
    first, second = (read_query(request(padded), ModelQuery) for _ in range(2))
    assert first == second
    assert first is not second
