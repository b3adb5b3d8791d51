"""Calls that change what is served: admin key only."""

import asyncio

from fastapi import APIRouter, Request

from inference.traffic import Traffic
from service.api.dependencies import ADMIN_ACCESS, MODELS_ARE_READ, ContextDep
from service.api.model_descriptions import describe_all, describe_model, describe_version
from service.api.openapi import ALIAS_BODY, TRAFFIC_BODY, problems
from service.bodies.small_bodies import read_alias, read_traffic
from service.context import Context
from service.schemas import Aliases, ModelList, ModelSummary, VersionDetail

router = APIRouter(
    tags=["admin"],
    dependencies=[ADMIN_ACCESS, MODELS_ARE_READ],
    responses=problems(401, 403, 404, 422, 500, 503),
)


@router.post("/models/refresh")
async def refresh(context: ContextDep) -> ModelList:
    """Look for new versions now; what failed before is tried again."""
    await context.registry.retry()
    return describe_all(context.registry)


@router.put(
    "/models/{name}/aliases/{alias}",
    openapi_extra=ALIAS_BODY,
    responses=problems(400, 408, 413, 415),
)
async def set_alias(name: str, alias: str, request: Request, context: ContextDep) -> Aliases:
    """Point an alias at a version. "stable" decides which version answers when none is named."""
    body = await read_alias(request)
    repository = context.registry.repository
    aliases = await asyncio.to_thread(repository.set_alias, name, alias, body.version)
    await context.registry.refresh()
    return Aliases(name=name, aliases=aliases)


@router.delete("/models/{name}/aliases/{alias}")
async def remove_alias(name: str, alias: str, context: ContextDep) -> Aliases:
    """Remove an alias. Without "stable" the latest version answers when none is named."""
    repository = context.registry.repository
    aliases = await asyncio.to_thread(repository.remove_alias, name, alias)
    await context.registry.refresh()
    return Aliases(name=name, aliases=aliases)


@router.put(
    "/models/{name}/traffic",
    openapi_extra=TRAFFIC_BODY,
    responses=problems(400, 408, 413, 415),
)
async def set_traffic(name: str, request: Request, context: ContextDep) -> ModelSummary:
    """Share the requests that name no version among several; ask a shadow version too."""
    traffic = await read_traffic(request)
    return await _set_traffic(context, name, traffic)


@router.delete("/models/{name}/traffic")
async def end_traffic(name: str, context: ContextDep) -> ModelSummary:
    """Give all requests that name no version to the default one again."""
    return await _set_traffic(context, name, None)


async def _set_traffic(context: Context, name: str, traffic: Traffic | None) -> ModelSummary:
    registry = context.registry
    await asyncio.to_thread(registry.repository.set_traffic, name, traffic)
    await registry.refresh()
    return describe_model(registry, registry.catalog.find(name))


@router.post("/models/{name}/versions/{version}/load")
async def load(name: str, version: str, context: ContextDep) -> VersionDetail:
    """Load a version and keep it loaded."""
    await context.registry.load(name, version)
    published = context.registry.catalog.find(name).find(version)
    return describe_version(context.registry, published)


@router.post("/models/{name}/versions/{version}/unload")
async def unload(name: str, version: str, context: ContextDep) -> VersionDetail:
    """Give a version's memory back; it is not loaded again until `load` is called."""
    await context.registry.unload(name, version)
    published = context.registry.catalog.find(name).find(version)
    return describe_version(context.registry, published)
