"""The application put together."""

import logging

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

from inference.errors import InferenceError
from studio.access.guard import Guard
from studio.context import Context
from studio.errors import StudioError
from studio.page import PAGE_DIR
from studio.phone.phone_listener import PhoneListener
from studio.routes import (
    adding,
    collecting,
    folders,
    looking,
    models,
    phone,
    photos,
    piles,
    reviewing,
    training,
)
from studio.settings import Settings
from training.errors import TrainingError

logger = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """Return the studio as an ASGI application."""
    app = FastAPI(title="Graft studio", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.context = Context(settings)
    app.state.phone = PhoneListener()
    for module in (
        folders,
        looking,
        reviewing,
        photos,
        training,
        models,
        phone,
        piles,
        collecting,
        adding,
    ):
        app.include_router(module.router)
    app.add_exception_handler(StudioError, _refuse)
    app.add_exception_handler(TrainingError, _refuse_input)
    app.add_exception_handler(InferenceError, _refuse_input)
    app.add_exception_handler(OSError, _refuse_files)
    app.add_exception_handler(RequestValidationError, _refuse_request)
    app.mount("/", _Page(directory=PAGE_DIR, html=True))
    app.add_middleware(Guard, secret=settings.secret, hosts=settings.hosts)
    return app


class _Page(StaticFiles):
    """The page's files, asked for anew each time: a studio that was updated shows its own page."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _refuse(request: Request, err: Exception) -> Response:
    assert isinstance(err, StudioError)
    return _problem(err.status, err.code, str(err))


async def _refuse_input(request: Request, err: Exception) -> Response:
    return _problem(422, "bad_input", str(err))


async def _refuse_files(request: Request, err: Exception) -> Response:
    """Answer where a file that nobody expected to fail cannot be used."""
    assert isinstance(err, OSError)
    logger.error("a file cannot be used", exc_info=err)
    where = f"{str(err.filename)!r}: " if err.filename else ""
    return _problem(
        507,
        "disk_problem",
        f"{where}{err.strerror or err}; see whether the disk has room and the file may be used",
    )


async def _refuse_request(request: Request, err: Exception) -> Response:
    assert isinstance(err, RequestValidationError)
    first = err.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:])
    return _problem(422, "bad_input", f"{where}: {first['msg']}")


def _problem(status: int, code: str, detail: str) -> Response:
    content = {"status": status, "code": code, "detail": detail}
    return JSONResponse(content, status, media_type="application/problem+json")
