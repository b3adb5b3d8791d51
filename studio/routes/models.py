"""Published models: what there is, the report, and a question about an image."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Query, Request, Response
from fastapi.concurrency import run_in_threadpool

from inference.errors import InferenceError
from inference.files import read_regular_file
from inference.repository import Repository
from studio.bodies import read_photo
from studio.errors import NotFound
from studio.routes.dependencies import Studio
from studio.trying.ask import ask

router = APIRouter(prefix="/api/models/{name}")

_MAX_REPORT_BYTES: Final = 32 * 2**20
# A package may come from elsewhere: its page gets an origin of its own and reaches nothing.
_REPORT_POLICY: Final = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; font-src data:; "
    "style-src 'unsafe-inline'; script-src 'unsafe-inline'"
)


@router.get("")
def versions(studio: Studio, name: str) -> dict[str, Any]:
    """List the versions of a model, the newest first, and which one answers."""
    repository = Repository(studio.models_dir)
    try:
        numbers, default = repository.versions(name), repository.resolve(name)
    except InferenceError:
        return {"versions": [], "default": None}
    found = []
    for number in reversed(numbers):
        manifest = repository.read(name, number).manifest
        metrics = manifest.metrics.test or manifest.metrics.val
        found.append(
            {
                "version": number,
                "created": manifest.created,
                "accuracy": metrics.accuracy,
                "images": metrics.images,
                "part": "test" if manifest.metrics.test else "val",
                "labels": len(manifest.labels),
            }
        )
    return {"versions": found, "default": default}


@router.get("/{version}/report")
def report(studio: Studio, name: str, version: int) -> Response:
    """Return the report of a version."""
    package = Repository(studio.models_dir).read(name, version)
    try:
        page = read_regular_file(package.path, "report.html", max_bytes=_MAX_REPORT_BYTES)
    except OSError as err:
        raise NotFound(f"version {version} of {name!r} has no report") from err
    return Response(
        page, media_type="text/html", headers={"Content-Security-Policy": _REPORT_POLICY}
    )


@router.post("/answers")
async def answer(
    studio: Studio,
    name: str,
    request: Request,
    version: Annotated[int | None, Query(ge=1)] = None,
    heat: bool = False,
) -> dict[str, Any]:
    """Ask a model about the image in the body."""
    photo = await read_photo(request.stream())
    return await run_in_threadpool(lambda: ask(studio.models.get(name, version), photo, heat=heat))
