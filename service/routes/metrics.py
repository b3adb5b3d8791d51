"""Prometheus metrics."""

from fastapi import APIRouter
from starlette.responses import Response

from service.dependencies import PREDICT_ACCESS, ContextDep
from service.metrics import CONTENT_TYPE
from service.openapi import problems

router = APIRouter(tags=["operations"], dependencies=[PREDICT_ACCESS], responses=problems(401))


@router.get("/metrics", response_class=Response)
async def metrics(context: ContextDep) -> Response:
    """Return the metrics in Prometheus' text format."""
    return Response(context.metrics.render(), media_type=CONTENT_TYPE)
