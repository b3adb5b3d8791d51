"""The web pages: `/` to try a model, `/docs` for every call. Open: they hold no secret."""

from functools import lru_cache

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, RedirectResponse

from service.api.answers_head import AnswersHead
from service.page import build_page
from service.page.api_reference import build_reference

router = APIRouter(include_in_schema=False, route_class=AnswersHead)

_page_below = lru_cache(maxsize=4)(build_page)


@router.get("/")
async def page(request: Request) -> HTMLResponse:
    """Return the page, which asks for a key itself where one is needed."""
    built = _page_below(_root_path(request))
    return HTMLResponse(built.html, headers=built.headers)


@router.get("/docs")
async def reference(request: Request) -> HTMLResponse:
    """Return the list of calls."""
    built = build_reference(request.app.openapi(), _root_path(request))
    return HTMLResponse(built.html, headers=built.headers)


@router.get("/docs/")
async def reference_without_slash() -> RedirectResponse:
    """Lead to where the page's links are right, whatever the host and the path in front are called."""
    return RedirectResponse("../docs")


def _root_path(request: Request) -> str:
    root_path: str = request.scope.get("root_path", "")
    return root_path.rstrip("/")
