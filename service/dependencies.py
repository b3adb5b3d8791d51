"""What the routes ask FastAPI for: the running service, and a caller who may.

All are coroutines: FastAPI sends plain functions to a thread, which costs more than they do.
"""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from service.context import Context

_bearer = HTTPBearer(auto_error=False, description="An API key.")
_header = APIKeyHeader(name="X-API-Key", auto_error=False, description="An API key.")


async def get_context(request: Request) -> Context:
    """Return the running service."""
    context: Context = request.app.state.context
    return context


ContextDep = Annotated[Context, Depends(get_context)]


async def get_key(
    bearer: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    header: Annotated[str | None, Depends(_header)],
) -> str | None:
    """Return the API key that came with the request."""
    return bearer.credentials if bearer is not None else header


async def may_predict(
    request: Request, context: ContextDep, key: Annotated[str | None, Depends(get_key)]
) -> None:
    """Refuse a caller without a key, where keys are set; note who it is."""
    context.access.check_predict(key)
    address = request.client.host if request.client else ""
    request.state.caller = context.access.caller_id(key, address)


async def may_administer(context: ContextDep, key: Annotated[str | None, Depends(get_key)]) -> None:
    """Refuse a caller without an admin key."""
    context.access.check_admin(key)


PREDICT_ACCESS = Depends(may_predict)
ADMIN_ACCESS = Depends(may_administer)
