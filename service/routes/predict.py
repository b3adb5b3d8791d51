"""Predictions, at three addresses.

They check their caller, read their query and write their answer themselves; see `direct_route.py`.
"""

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.answer_json import rendered
from service.api.dependencies import context_to_predict
from service.api.direct_route import DirectRoute
from service.api.openapi import predict_operation, problems
from service.api.predict_request import answer
from service.api.query_parameters import ModelQuery, OptionsQuery, VersionQuery, read_query
from service.schemas import PredictResponse

router = APIRouter(
    route_class=DirectRoute,
    tags=["predict"],
    responses=problems(400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504),
)


@router.post(
    "/predict", response_model=PredictResponse, openapi_extra=predict_operation(ModelQuery)
)
async def predict(request: Request) -> Response:
    """Classify images with a model named in the query, or the only one there is."""
    context, query = context_to_predict(request), read_query(request, ModelQuery)
    return rendered(await answer(request, context, query))


@router.post(
    "/models/{name}/predict",
    response_model=PredictResponse,
    openapi_extra=predict_operation(VersionQuery),
)
async def predict_with_model(name: str, request: Request) -> Response:
    """Classify images with one model."""
    context, query = context_to_predict(request), read_query(request, VersionQuery)
    return rendered(await answer(request, context, query, name=name))


@router.post(
    "/models/{name}/versions/{version}/predict",
    response_model=PredictResponse,
    openapi_extra=predict_operation(OptionsQuery),
)
async def predict_with_version(name: str, version: str, request: Request) -> Response:
    """Classify images with one version, a number or an alias, of one model."""
    context, query = context_to_predict(request), read_query(request, OptionsQuery)
    return rendered(await answer(request, context, query, name=name, version=version))
