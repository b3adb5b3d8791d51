"""What a phone gets: the page to try a model, and its answers. Nothing else is reachable."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse, Response

from inference.errors import InferenceError
from studio.access.guard import Guard
from studio.bodies import read_photo
from studio.errors import StudioError
from studio.page import PAGE_DIR

# By address: all files that there are.
_FILES: Final[Mapping[str, str]] = {
    "/": "phone/index.html",
    "/phone.js": "phone/phone.js",
    **{
        f"/{name}": name
        for name in (
            *("style.css", "views.css", "api.js", "dom.js", "texts.js"),
            *("texts/en.js", "texts/ko.js", "parts/answer_bars.js"),
        )
    },
}
_HOW_TO_ENTER: Final = (
    "This address is closed, or its key is missing. Scan the code on the studio's page again."
)

# Asked with an encoded image.
Ask = Callable[[bytes], dict[str, object]]


def create_phone_app(ask: Ask, *, key: str, host: str, is_open: Callable[[], bool]) -> FastAPI:
    """Return an ASGI application that lets in who has the key, while it is open.

    `host` is the only `Host` that it answers to.
    """
    app = FastAPI(title="Graft", openapi_url=None, docs_url=None, redoc_url=None)
    for address, name in _FILES.items():
        app.add_api_route(address, _file(name), methods=["GET"], include_in_schema=False)

    @app.post("/api/answers")
    async def answer(request: Request) -> dict[str, Any]:
        photo = await read_photo(request.stream())
        return await run_in_threadpool(ask, photo)

    app.add_exception_handler(StudioError, _refuse)
    app.add_exception_handler(InferenceError, _refuse)
    app.add_middleware(
        Guard,
        secret=key,
        hosts=frozenset({host}),
        how_to_enter=_HOW_TO_ENTER,
        is_open=is_open,
    )
    return app


def _file(name: str) -> Callable[[], FileResponse]:
    def file() -> FileResponse:
        return FileResponse(PAGE_DIR / name, headers={"Cache-Control": "no-store"})

    return file


async def _refuse(request: Request, err: Exception) -> Response:
    status = err.status if isinstance(err, StudioError) else 422
    content = {"status": status, "code": "refused", "detail": str(err)}
    return JSONResponse(content, status, media_type="application/problem+json")
