"""Calls that change what is served: admin key only."""

import asyncio

from fastapi import APIRouter, Request

from service.dependencies import ADMIN_ACCESS, ContextDep
from service.describing import describe_all, describe_version
from service.openapi import ALIAS_BODY, problems
from service.schemas import Aliases, ModelList, VersionDetail
from service.uploads import read_alias

router = APIRouter(
    tags=["admin"],
    dependencies=[ADMIN_ACCESS],
    responses=problems(401, 403, 404, 422, 500, 503),
)


@router.post("/models/refresh")
async def refresh(context: ContextDep) -> ModelList:
    """Look for new versions now; what failed before is tried again."""
    await context.registry.refresh(retry_failed=True)
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


@router.post("/models/{name}/versions/{version}/load")
async def load(name: str, version: str, context: ContextDep) -> VersionDetail:
    """Load a version and keep it loaded."""
    await context.registry.load(name, version)
    published = context.registry.catalog.find(name).find(version)
    return describe_version(context.registry, published)


@router.post("/models/{name}/versions/{version}/unload")
async def unload(name: str, version: str, context: ContextDep) -> VersionDetail:
    """Give a version's memory back; it is not loaded again until `load` is called."""
    context.registry.unload(name, version)
    published = context.registry.catalog.find(name).find(version)
    return describe_version(context.registry, published)
