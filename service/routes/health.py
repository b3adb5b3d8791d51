"""Whether the process lives and whether it wants traffic. Open to everyone, for probes have no keys."""

from fastapi import APIRouter

from service.api.dependencies import ContextDep
from service.api.openapi import problems
from service.errors import ModelNotReady
from service.repository.readiness import why_not_ready
from service.schemas import Health

router = APIRouter(tags=["health"])


@router.head("/health/live", include_in_schema=False)
@router.get("/health/live", response_model_exclude_unset=True)
async def live() -> Health:
    """Say that the process answers."""
    return Health(status="live")


@router.head("/health/ready", include_in_schema=False)
@router.get("/health/ready", responses=problems(503))
async def ready(context: ContextDep) -> Health:
    """Say that at least one model answers, or 503 with the reason."""
    registry, settings = context.registry, context.settings
    if why := why_not_ready(
        registry, default_model=settings.default_model, draining=context.lifecycle.draining
    ):
        raise ModelNotReady(why, retry_after_s=1)
    serving = {name: registry.serving_version(name) for name in registry.catalog.models}
    return Health(status="ready", models={k: v for k, v in serving.items() if v is not None})
