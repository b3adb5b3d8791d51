"""The web pages: `/` to try a model, `/docs` for every call. Open: they hold no secret."""

from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse

from service.page import build_page
from service.page.api_reference import build_reference

router = APIRouter(include_in_schema=False)

_PAGE = build_page()


@router.head("/")
@router.get("/")
async def page() -> HTMLResponse:
    """Return the page, which asks for a key itself where one is needed."""
    return HTMLResponse(_PAGE.html, headers=_PAGE.headers)


@router.get("/docs")
async def reference(request: Request) -> HTMLResponse:
    """Return the list of calls."""
    built = build_reference(request.app.openapi())
    return HTMLResponse(built.html, headers=built.headers)
