"""What is published and in which state."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from service.api.answers_head import AnswersHead
from service.api.dependencies import MODELS_ARE_READ, PREDICT_ACCESS, ContextDep
from service.api.drift_description import describe_drift
from service.api.model_descriptions import describe_all, describe_model, describe_version
from service.api.openapi import problems
from service.api.reports import REPORT_HEADERS, read_report
from service.schemas import ModelList, ModelSummary, VersionDetail

router = APIRouter(
    tags=["models"],
    dependencies=[PREDICT_ACCESS, MODELS_ARE_READ],
    responses=problems(401, 500),
    route_class=AnswersHead,
)


@router.get("/models")
async def list_models(context: ContextDep) -> ModelList:
    """List every published model, its versions and their states."""
    return describe_all(context.registry)


@router.get("/models/{name}", responses=problems(404))
async def get_model(name: str, context: ContextDep) -> ModelSummary:
    """Describe one model."""
    model = context.registry.catalog.find(name)
    described = describe_model(context.registry, model)
    drift = describe_drift(context.daily_sums, model.shown_version(described.serving))
    return described.model_copy(update={"drift": drift})


@router.get("/models/{name}/versions/{version}", responses=problems(404))
async def get_version(name: str, version: str, context: ContextDep) -> VersionDetail:
    """Describe one version: its state, its metrics and what it was made of."""
    published = context.registry.catalog.find(name).find(version)
    described = describe_version(context.registry, published)
    drift = describe_drift(context.daily_sums, published)
    return described.model_copy(update={"drift": drift})


@router.get(
    "/models/{name}/versions/{version}/report",
    responses=problems(404),
    response_class=HTMLResponse,
)
async def get_report(name: str, version: str, context: ContextDep) -> HTMLResponse:
    """Return the training report of a version."""
    published = context.registry.catalog.find(name).find(version)
    return HTMLResponse(await read_report(published), headers=REPORT_HEADERS)
