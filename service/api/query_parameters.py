"""The options of a prediction: query parameters, and what came beside the images in the body.

A query parameter that is not known, has no value or comes twice is refused rather than ignored. Of the
body's texts those that are options count, where the query does not say otherwise.
"""

import difflib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal, Self, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import ErrorDetails
from starlette.datastructures import QueryParams
from starlette.requests import Request

from service.bodies.given_once import Repeated, given_once
from service.prediction.predictor import PredictOptions

# A client mostly sends one query again and again. A longer one than this is parsed every time.
_KEPT_QUERIES: Final = 256
_KEPT_BYTES: Final = 512
# A form may have fields of its own ("description"); a slip of the pen is nearer than that to an option.
_NEAR: Final = 0.8
_MAX_NOTES: Final = 5
_WORDS: Final[Mapping[str, str]] = {
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "greater_than_equal": "must be 1 or more",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_too_short": "must be a name or a number",
    "string_type": "must be a name or a number",
}


class OptionsQuery(BaseModel):
    """What the caller wants to know of each image."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    top_k: int = Field(
        default=5, ge=1, description="Labels an image; more than there are gives them all."
    )
    precision: Literal["auto", "fp32", "fp16", "int8", "bf16"] = Field(
        default="auto", description="Which of the model's precisions answers."
    )
    embedding: bool = Field(default=False, description="Add what the model's head sees.")
    activation_map: bool = Field(default=False, description="Add which places spoke for the label.")

    label_set: bool = Field(
        default=False,
        alias="set",
        description="Add the labels that hold the true one with the chance that the model promises.",
    )

    @field_validator("precision", mode="before")
    @classmethod
    def _in_any_case(cls, value: Any) -> Any:
        return value.lower() if isinstance(value, str) else value

    def options(self) -> PredictOptions:
        """Return what the predictor needs to know."""
        return PredictOptions(
            top_k=self.top_k,
            embedding=self.embedding,
            activation_map=self.activation_map,
            label_set=self.label_set,
        )

    @classmethod
    def names(cls) -> frozenset[str]:
        """Return the parameters' names, as they are sent."""
        return _names(cls)

    def with_body(self, given: Mapping[str, Any]) -> Self:
        """Return these options and, where they leave one open, what the body says; other names are left.

        Raises:
            RequestValidationError: an option does not fit.
        """
        names = self.names()
        known = {n: v for n, v in given.items() if n in names and v not in (None, "")}
        if not known:
            return self
        stated = self.model_dump(exclude_unset=True, by_alias=True)
        try:
            return self.model_validate({**known, **stated})
        except ValidationError as err:
            raise _refusal(err, "body", names) from err


class VersionQuery(OptionsQuery):
    """The same, and a version."""

    version: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        coerce_numbers_to_str=True,
        description='A number or an alias such as "latest"; by default "stable" where it is set, '
        "else the latest.",
    )


class ModelQuery(VersionQuery):
    """The same, and a model."""

    model: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        description="Needed where several models are published.",
    )


Query = TypeVar("Query", bound=OptionsQuery)


def read_query(request: Request, kind: type[Query]) -> Query:
    """Return the query of a request.

    FastAPI would do it for a parameter of the route, at a fifth of all that a request costs in Python.

    Raises:
        RequestValidationError: a parameter is not known, does not fit, or comes twice.
    """
    text: bytes = request.scope["query_string"]
    return _parse_kept(kind, text) if len(text) <= _KEPT_BYTES else _parse(kind, text)


def _parse(kind: type[Query], text: bytes) -> Query:
    try:
        return kind.model_validate(given_once(QueryParams(text).multi_items()))
    except ValidationError as err:
        raise _refusal(err, "query", kind.names()) from err


@lru_cache
def _names(kind: type[OptionsQuery]) -> frozenset[str]:
    return frozenset(field.alias or name for name, field in kind.model_fields.items())


def _refusal(err: ValidationError, place: str, names: frozenset[str]) -> RequestValidationError:
    return RequestValidationError(
        [
            {**e, "loc": (place, *e["loc"]), "msg": _message(e, names)}
            for e in err.errors(include_url=False)
        ]
    )


def near_misses(given: Iterable[str], names: frozenset[str]) -> list[str]:
    """Return a note for each name that is no option but very like one: it was ignored."""
    notes = []
    for name in given:
        if name not in names and (close := _nearest(name, names, cutoff=_NEAR)):
            notes.append(
                f"the field {name[:80]!r} is no option and was ignored; did you mean {close!r}?"
            )
    return notes[:_MAX_NOTES]


def _nearest(name: str, names: frozenset[str], *, cutoff: float) -> str | None:
    plain = name[:80].lower().replace("-", "_")
    return next(iter(difflib.get_close_matches(plain, names, n=1, cutoff=cutoff)), None)


def _message(error: ErrorDetails, names: frozenset[str]) -> str:
    given = error["input"]
    if error["type"] != "extra_forbidden":
        words = _WORDS.get(error["type"], error["msg"].replace("Input should be", "must be"))
        if isinstance(given, Repeated):
            return f"is given {len(given)} times; give it once"
        if given == "":
            return f"has no value; {words}, or leave it out"
        return words
    close = _nearest(str(error["loc"][-1]), names, cutoff=0.5)
    hint = f"did you mean {close}?" if close else f"there are {', '.join(sorted(names))}"
    return f"there is no such parameter; {hint}"


_parse_kept = lru_cache(maxsize=_KEPT_QUERIES)(_parse)
