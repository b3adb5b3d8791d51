"""The Open Inference Protocol v2 under `/v2`, as its clients know it."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.admit_request import ModelChoice
from service.api.answers_head import AnswersHead
from service.api.dependencies import (
    ADMIN_ACCESS,
    MODELS_ARE_READ,
    PREDICT_ACCESS,
    ContextDep,
    SeesModelsDep,
)
from service.api.openapi import problems
from service.api.readiness_answer import check_ready
from service.context import Context
from service.oip.infer_request import answer_infer
from service.oip.metadata import SERVER, model_config, model_metadata, repository_index
from service.oip.repository_index import read_index_request, served_manifest
from service.repository.catalog import PublishedModel

open_router = APIRouter(tags=["open inference protocol"], route_class=AnswersHead)
router = APIRouter(
    tags=["open inference protocol"],
    dependencies=[PREDICT_ACCESS, MODELS_ARE_READ],
    responses=problems(400, 401, 404, 500, 503),
    route_class=AnswersHead,
)
admin_router = APIRouter(
    tags=["open inference protocol"],
    dependencies=[ADMIN_ACCESS, MODELS_ARE_READ],
    responses=problems(401, 403, 404, 500, 503),
)
_INFER = problems(408, 413, 415, 429, 504)


@open_router.get("/v2/health/live")
async def live() -> dict[str, bool]:
    """Say that the process answers."""
    return {"live": True}


@open_router.get("/v2/health/ready", responses=problems(503))
async def ready(context: ContextDep, sees_models: SeesModelsDep) -> dict[str, bool]:
    """Say that at least one model answers, or 503 with the reason."""
    check_ready(context, sees_models=sees_models)
    return {"live": True, "ready": True}


@router.get("/v2")
async def server_metadata() -> dict[str, Any]:
    """Name the server and its extensions."""
    return SERVER


@router.get("/v2/models")
async def models(context: ContextDep) -> dict[str, list[str]]:
    """Name the published models."""
    return {"models": sorted(context.registry.catalog.models)}


@router.get("/v2/models/stats")
async def all_statistics(context: ContextDep) -> dict[str, Any]:
    """Count requests and batches of every published version."""
    found = context.registry.catalog.models.values()
    return {"model_stats": [stats for model in found for stats in _statistics(context, model)]}


@router.get("/v2/models/{name}")
@router.get("/v2/models/{name}/versions/{version}")
async def metadata(name: str, context: ContextDep, version: str | None = None) -> dict[str, Any]:
    """Describe a model's input and outputs."""
    model = context.registry.catalog.find(name)
    manifest, runtime = served_manifest(context.registry, model, version)
    return model_metadata(manifest, list(model.versions), runtime=runtime)


@router.get("/v2/models/{name}/stats")
@router.get("/v2/models/{name}/versions/{version}/stats")
async def statistics(name: str, context: ContextDep, version: str | None = None) -> dict[str, Any]:
    """Count requests and batches of a model's versions, or of one."""
    return {"model_stats": _statistics(context, context.registry.catalog.find(name), version)}


@router.get("/v2/models/{name}/config")
@router.get("/v2/models/{name}/versions/{version}/config")
async def config(name: str, context: ContextDep, version: str | None = None) -> dict[str, Any]:
    """Describe a model's configuration."""
    model = context.registry.catalog.find(name)
    manifest, runtime = served_manifest(context.registry, model, version)
    return model_config(manifest, max_batch=context.settings.max_batch, runtime=runtime)


@router.get("/v2/models/{name}/ready")
@router.get("/v2/models/{name}/versions/{version}/ready")
async def model_ready(name: str, context: ContextDep, version: str | None = None) -> dict[str, Any]:
    """Say that a version answers, or 503 with the reason."""
    context.registry.check_ready(name, version)
    return {"name": name, "ready": True}


@router.post("/v2/models/{name}/infer", responses=_INFER)
@router.post("/v2/models/{name}/versions/{version}/infer", responses=_INFER)
async def infer(
    name: str, request: Request, context: ContextDep, version: str | None = None
) -> Response:
    """Run encoded images (BYTES) or pixels of the model's own size, (N, H, W, 3) uint8 RGB."""
    return await answer_infer(request, context, ModelChoice(name=name, version=version))


@router.post("/v2/repository/index")
async def index(request: Request, context: ContextDep) -> list[dict[str, str]]:
    """List every published version and its state."""
    ready_only = await read_index_request(request)
    return repository_index(context.registry, ready_only=ready_only)


@admin_router.post("/v2/repository/models/{name}/load")
async def load(name: str, context: ContextDep) -> dict[str, str]:
    """Load the version that answers when none is named, and look for new ones."""
    await context.registry.load(name)
    return {}


@admin_router.post("/v2/repository/models/{name}/unload")
async def unload(name: str, context: ContextDep) -> dict[str, str]:
    """Give up every version of a model until it is loaded again."""
    await context.registry.unload(name)
    return {}


def _statistics(
    context: Context, model: PublishedModel, version: str | None = None
) -> list[dict[str, Any]]:
    chosen = model.versions if version is None else [model.find(version).number]
    return [context.statistics.describe(model.name, number) for number in chosen]
