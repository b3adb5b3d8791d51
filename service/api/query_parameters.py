"""The query parameters of a prediction. One that is not known is refused rather than ignored."""

from functools import lru_cache
from typing import Final, Literal, TypeVar

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.datastructures import QueryParams
from starlette.requests import Request

from service.prediction.predictor import PredictOptions

# A client mostly sends one query again and again. A longer one than this is parsed every time.
_KEPT_QUERIES: Final = 256
_KEPT_BYTES: Final = 512


class OptionsQuery(BaseModel):
    """What the caller wants to know of each image."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    top_k: int = Field(
        default=5, ge=1, description="Labels an image; more than there are gives them all."
    )
    precision: Literal["auto", "fp32", "fp16", "int8"] = Field(
        default="auto", description="Which of the model's files answers."
    )
    embedding: bool = Field(default=False, description="Add what the model's head sees.")
    activation_map: bool = Field(default=False, description="Add which places spoke for the label.")

    label_set: bool = Field(
        default=False,
        alias="set",
        description="Add the labels that hold the true one with the chance that the model promises.",
    )

    def options(self) -> PredictOptions:
        """Return what the predictor needs to know."""
        return PredictOptions(
            top_k=self.top_k,
            embedding=self.embedding,
            activation_map=self.activation_map,
            label_set=self.label_set,
        )


class VersionQuery(OptionsQuery):
    """The same, and a version."""

    version: str | None = Field(
        default=None,
        max_length=100,
        description='A number or an alias such as "latest"; by default "stable" where it is set, '
        "else the latest.",
    )


class ModelQuery(VersionQuery):
    """The same, and a model."""

    model: str | None = Field(
        default=None, max_length=100, description="Needed where several models are published."
    )


Query = TypeVar("Query", bound=OptionsQuery)


def read_query(request: Request, kind: type[Query]) -> Query:
    """Return the query of a request.

    FastAPI would do it for a parameter of the route, at a fifth of all that a request costs in Python.

    Raises:
        RequestValidationError: a parameter is not known or does not fit.
    """
    text: bytes = request.scope["query_string"]
    return _parse_kept(kind, text) if len(text) <= _KEPT_BYTES else _parse(kind, text)


def _parse(kind: type[Query], text: bytes) -> Query:
    try:
        return kind.model_validate(dict(QueryParams(text)))
    except ValidationError as err:
        problems = [{**e, "loc": ("query", *e["loc"])} for e in err.errors(include_url=False)]
        raise RequestValidationError(problems) from err


_parse_kept = lru_cache(maxsize=_KEPT_QUERIES)(_parse)
