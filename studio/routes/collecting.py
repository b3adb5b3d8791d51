"""The queue of images that the service has kept."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from service.collect.kept_images import Order
from service.keep_policy import Reason
from studio.collecting.drift_panel import read_drift
from studio.errors import NotNow
from studio.photos.thumbnails import MEDIA_TYPE
from studio.routes.dependencies import Body, CurrentProject, Studio

router = APIRouter(prefix="/api/projects/{name}/kept")

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Decision(Body):
    """The label of an image; None: it is of no use."""

    sha256: Sha256
    label: str | None


class Undo(Body):
    """The image whose decision is taken back."""

    sha256: Sha256


@router.get("")
def kept(
    current: CurrentProject,
    studio: Studio,
    order: Order = "least sure",
    reason: Reason | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 24,
) -> dict[str, Any]:
    """Return images that wait for a label."""
    found = studio.kept.page(current.project.name, order=order, reason=reason, limit=limit)
    classes = current.analysis.read().labels if current.analysis.is_there else ()
    new = [label for label in found.pop("given") if label not in classes]
    return found | {
        "labels": [*classes, *new],
        "new": new,
        "folder": str(studio.settings.keep_dir),
    }


@router.get("/drift")
def drift(current: CurrentProject, studio: Studio) -> dict[str, Any]:
    """Return the answers of the last days beside those on validation images."""
    return read_drift(studio.settings.keep_dir, studio.models_dir, current.project.name)


@router.post("")
def decide(current: CurrentProject, studio: Studio, given: Decision) -> None:
    """Write down what the person decided."""
    studio.kept.decide(current.project, given.sha256, given.label)


@router.post("/undo")
def undo(studio: Studio, given: Undo) -> None:
    """Take a decision back."""
    studio.kept.undo(given.sha256)


@router.post("/sort", status_code=202)
def sort(current: CurrentProject, studio: Studio) -> None:
    """Look at the undecided images as a pile, to be named in groups."""
    names = studio.kept.undecided(current.project.name)
    if not names:
        raise NotNow("nothing is left to be named")
    current.pile.look_at_some(studio.kept.folder.resolve(), names)


@router.post("/copy")
def copy(current: CurrentProject, studio: Studio) -> dict[str, Any]:
    """Copy what is labelled into the class folders."""
    return asdict(studio.kept.copy(current.project))


@router.get("/photos/{sha256}")
def photo(studio: Studio, sha256: str, side: int = 240) -> Response:
    """Return a kept image as a JPEG of at most `side` px."""
    data = studio.thumbnails.of_file(studio.kept.file(sha256), sha256, side)
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(data, media_type=MEDIA_TYPE, headers=headers)
