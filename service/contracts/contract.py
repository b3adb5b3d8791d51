"""What a platform's contract consists of, and the addresses that all of them have."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from service.api.answer_json import RequestAnswer
from service.api.answers_head import AnswersHead
from service.api.dependencies import ContextDep, context_to_predict
from service.api.openapi import predict_operation, problems
from service.api.predict_request import answer
from service.api.query_parameters import ModelQuery, read_query
from service.api.readiness_answer import check_ready

Environment = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A platform's way to start and to call a container.

    Attributes:
        name: as `GRAFT_CONTRACT` names it.
        settings: the settings that the platform's variables mean, by the setting's name.
        router: its addresses.
    """

    name: str
    settings: Callable[[Environment], dict[str, str]]
    router: Callable[[Environment], APIRouter]


def platform_router(
    *,
    health_path: str,
    predict_path: str,
    healthy: str,
    render: Callable[[RequestAnswer], Response],
) -> APIRouter:
    """Return a platform's two addresses: whether a model answers (`healthy`, or 503), and predictions."""
    router = APIRouter(tags=["platform"], route_class=AnswersHead)

    @router.get(health_path, response_class=PlainTextResponse, responses=problems(503))
    async def platform_health(context: ContextDep) -> PlainTextResponse:
        """Say that a model answers, or 503."""
        check_ready(context, sees_models=False)
        return PlainTextResponse(healthy)

    @router.post(
        predict_path,
        responses=problems(400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504),
        response_model=None,
        openapi_extra=predict_operation(ModelQuery),
    )
    async def platform_predict(request: Request) -> Response:
        """Classify images, as /predict does."""
        context, query = context_to_predict(request), read_query(request, ModelQuery)
        return render(await answer(request, context, query))

    return router
