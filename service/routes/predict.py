"""Predictions, at three addresses."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from service.answering import answer
from service.dependencies import PREDICT_ACCESS, ContextDep
from service.intake import ModelChoice
from service.openapi import PREDICT_BODY, problems
from service.queries import ModelQuery, OptionsQuery, VersionQuery
from service.schemas import PredictResponse

router = APIRouter(
    tags=["predict"],
    dependencies=[PREDICT_ACCESS],
    responses=problems(400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504),
)


@router.post("/predict", openapi_extra=PREDICT_BODY, response_model_exclude_unset=True)
async def predict(
    request: Request, context: ContextDep, query: Annotated[ModelQuery, Query()]
) -> PredictResponse:
    """Classify images with a model named in the query, or the only one there is."""
    choice = ModelChoice(name=query.model, version=query.version, precision=query.precision)
    return await answer(request, context, choice, query)


@router.post(
    "/models/{name}/predict", openapi_extra=PREDICT_BODY, response_model_exclude_unset=True
)
async def predict_with_model(
    name: str, request: Request, context: ContextDep, query: Annotated[VersionQuery, Query()]
) -> PredictResponse:
    """Classify images with one model."""
    choice = ModelChoice(name=name, version=query.version, precision=query.precision)
    return await answer(request, context, choice, query)


@router.post(
    "/models/{name}/versions/{version}/predict",
    openapi_extra=PREDICT_BODY,
    response_model_exclude_unset=True,
)
async def predict_with_version(
    name: str,
    version: str,
    request: Request,
    context: ContextDep,
    query: Annotated[OptionsQuery, Query()],
) -> PredictResponse:
    """Classify images with one version, a number or an alias, of one model."""
    choice = ModelChoice(name=name, version=version, precision=query.precision)
    return await answer(request, context, choice, query)
