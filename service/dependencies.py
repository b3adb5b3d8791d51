"""What the routes ask FastAPI for: the running service, and a caller who may.

All are coroutines: FastAPI sends plain functions to a thread, which costs more than they do.
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


class _MayPredict(_KeyAccess):
    async def __call__(self, request: Request) -> None:
        """Refuse a caller without a key, where keys are set; note who it is."""
        access, key = (await get_context(request)).access, _key(request)
        access.check_predict(key)
        address = request.client.host if request.client else ""
        request.state.caller = access.caller_id(key, address)


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


PREDICT_ACCESS = Depends(_MayPredict())
ADMIN_ACCESS = Depends(_MayAdminister())
