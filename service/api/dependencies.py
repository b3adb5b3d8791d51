"""What the routes ask for: the running service, and a caller who may.

As dependencies of FastAPI all are coroutines: it sends plain functions to a thread, which costs more
than they do. What answers images calls `context_to_predict` itself: what FastAPI does for a dependency
costs several times what it does.
"""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase
from fastapi.security.utils import get_authorization_scheme_param

from service.context import Context


async def get_context(request: Request) -> Context:
    """Return the running service."""
    context: Context = request.app.state.context
    return context


ContextDep = Annotated[Context, Depends(get_context)]


class _KeyAccess(SecurityBase):
    """A right that an API key gives, in either header, as a single dependency.

    FastAPI's own classes would be one for each header and one for the two: what it does for each
    dependency costs more than a request's other parameters. It documents what `model` says;
    `openapi.py` adds the other header.
    """

    model = HTTPBearer(description="An API key.")
    scheme_name = "HTTPBearer"


def context_to_predict(request: Request) -> Context:
    """Return the running service to a caller who may predict; note in the request who it is.

    Raises:
        KeyRequired: keys are set and it has none of them.
    """
    context: Context = request.app.state.context
    key = _key(request)
    context.access.check_predict(key)
    address = request.client.host if request.client else ""
    request.state.caller = context.access.caller_id(key, address)
    return context


async def sees_models(request: Request, context: ContextDep) -> bool:
    """Return whether the caller of an open address may be told names of models."""
    return context.access.may_predict(_key(request))


SeesModelsDep = Annotated[bool, Depends(sees_models)]


class _MayPredict(_KeyAccess):
    async def __call__(self, request: Request) -> None:
        """Refuse a caller without a key, where keys are set."""
        context_to_predict(request)


class _MayAdminister(_KeyAccess):
    async def __call__(self, request: Request) -> None:
        """Refuse a caller without an admin key."""
        (await get_context(request)).access.check_admin(_key(request))


def _key(request: Request) -> str | None:
    """Return the API key that came with the request."""
    scheme, credentials = get_authorization_scheme_param(request.headers.get("authorization"))
    if scheme.lower() == "bearer" and credentials:
        return credentials
    return request.headers.get("x-api-key") or None


async def _models_are_read(context: ContextDep) -> None:
    """Wait for the first look at the models folder, as long as a request may take."""
    await context.registry.first_look(timeout_s=context.settings.request_timeout_s)


MODELS_ARE_READ = Depends(_models_are_read)
PREDICT_ACCESS = Depends(_MayPredict())
ADMIN_ACCESS = Depends(_MayAdminister())
