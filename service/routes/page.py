"""The web page at `/`. Open to everyone: it holds no secret and asks for the key itself."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from service.page import build_page

router = APIRouter(include_in_schema=False)

_PAGE = build_page()


@router.get("/", response_class=HTMLResponse)
async def page() -> HTMLResponse:
    """Return the page."""
    return HTMLResponse(_PAGE.html, headers=_PAGE.headers)
