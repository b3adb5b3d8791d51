"""Prometheus metrics."""

from fastapi import APIRouter
from starlette.responses import Response

from service.api.answers_head import AnswersHead
from service.api.dependencies import PREDICT_ACCESS, ContextDep
from service.api.openapi import problems
from service.telemetry.prometheus import CONTENT_TYPE

router = APIRouter(
    tags=["operations"],
    dependencies=[PREDICT_ACCESS],
    responses=problems(401),
    route_class=AnswersHead,
)


@router.get("/metrics", response_class=Response)
async def metrics(context: ContextDep) -> Response:
    """Return the metrics in Prometheus' text format."""
    return Response(context.metrics.render(), media_type=CONTENT_TYPE)
