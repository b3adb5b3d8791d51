"""Whether the process lives and whether it wants traffic. Open to everyone, for probes have no keys."""

from fastapi import APIRouter

from service.api.answers_head import AnswersHead
from service.api.dependencies import ContextDep, SeesModelsDep
from service.api.openapi import problems
from service.api.readiness_answer import check_ready, serving_versions
from service.schemas import Health

router = APIRouter(tags=["health"], route_class=AnswersHead)


@router.get("/health/live", response_model_exclude_unset=True)
async def live() -> Health:
    """Say that the process answers."""
    return Health(status="live")


@router.get("/health/ready", responses=problems(503), response_model_exclude_unset=True)
async def ready(context: ContextDep, sees_models: SeesModelsDep) -> Health:
    """Say that at least one model answers, or 503; which and why where the caller may predict."""
    check_ready(context, sees_models=sees_models)
    if not sees_models:
        return Health(status="ready")
    return Health(status="ready", models=serving_versions(context))
