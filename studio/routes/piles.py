"""A pile of unlabelled photos: look at it, name its groups, copy what has a name."""

from contextlib import suppress
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import Field, StringConstraints

from studio.context import Context, OpenProject
from studio.errors import NotFound
from studio.folders.roots import allowed_folder
from studio.photos.thumbnails import MEDIA_TYPE
from studio.piles.grouping import Group, least_sure, next_group
from studio.piles.open_pile import OpenPile
from studio.projects.copying import class_folder, copy_into
from studio.projects.corrections import Correction
from studio.routes.dependencies import Body, CurrentProject, Studio

router = APIRouter(prefix="/api/projects/{name}/pile")

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Order = Literal["groups", "guesses", "least_sure"]
Label = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]


class Choice(Body):
    """The folder of the pile."""

    path: str


class Name(Body):
    """Images of a group and their label; "" leaves them out for good."""

    images: list[Sha256] = Field(min_length=1, max_length=1000)
    label: Label
    order: Order


class Undo(Body):
    """Images that lose their name."""

    images: list[Sha256] = Field(min_length=1, max_length=1000)
    order: Order


@router.get("")
def state(current: CurrentProject) -> dict[str, Any]:
    """Say how far looking is, and what the pile holds."""
    job = current.pile.looking
    stages = [event for event in job.events if event["event"] == "stage"]
    record = job.record
    return {
        "state": job.state,
        "stage": stages[-1] if stages else None,
        "problem": job.last_words if job.state == "failed" else None,
        "folder": record.details["folder"] if record else None,
    }


@router.post("", status_code=202)
def look(current: CurrentProject, studio: Studio, choice: Choice) -> None:
    """Look at a folder."""
    current.pile.look(allowed_folder(choice.path, studio.settings.roots))


@router.get("/group")
def group(current: CurrentProject, order: Order = "groups") -> dict[str, Any]:
    """Return the next group."""
    return _next(current.pile, order, _class_names(current))


@router.post("/names")
def give_name(current: CurrentProject, studio: Studio, given: Name) -> dict[str, Any]:
    """Name images, then return the next group."""
    pile = current.pile
    if given.label:
        class_folder(current.project.data, given.label)  # or it could never be copied
    rows = [pile.row(sha256) for sha256 in given.images]
    images = [pile.read().images[row] for row in rows]
    lines = [
        Correction(
            file_name=i.path, sha256=i.sha256, label=given.label, note=f"pile: {given.order}"
        )
        for i in images
    ]
    pile.names.put(*lines)
    if _is_kept(pile, studio):
        for image in images:
            _decide(studio, current, image.sha256, given.label)
    return _next(pile, given.order, _class_names(current))


@router.post("/undo")
def undo(current: CurrentProject, studio: Studio, given: Undo) -> dict[str, Any]:
    """Take names back."""
    current.pile.names.remove(*given.images)
    if _is_kept(current.pile, studio):
        for sha256 in given.images:
            with suppress(NotFound):  # the service has removed it meanwhile
                studio.kept.undo(sha256)
    return _next(current.pile, given.order, _class_names(current))


@router.post("/copy")
def copy(current: CurrentProject) -> dict[str, Any]:
    """Copy all named images into the class folders of the project."""
    pile = current.pile.read()
    named = current.pile.named_rows()
    files = [
        (current.pile.file(pile.images[row].sha256), pile.images[row].sha256, label)
        for row, label in named.items()
        if label
    ]
    return asdict(copy_into(current.project.data, files))


@router.get("/photos/{sha256}")
def photo(current: CurrentProject, studio: Studio, sha256: str, side: int = 240) -> Response:
    """Return a photo of the pile as a JPEG of at most `side` px."""
    data = studio.thumbnails.of_file(current.pile.file(sha256), sha256, side)
    headers = {"Cache-Control": "private, max-age=31536000, immutable"}
    return Response(data, media_type=MEDIA_TYPE, headers=headers)


def _is_kept(pile: OpenPile, studio: Context) -> bool:
    """Return whether the pile is what a service has kept: then what is said here is decided there too."""
    return pile.read().folder == str(studio.kept.folder.resolve())


def _decide(studio: Context, current: OpenProject, sha256: str, label: str) -> None:
    with suppress(NotFound):  # the service has removed it meanwhile
        studio.kept.decide(current.project, sha256, label or None)


def _class_names(current: CurrentProject) -> list[str]:
    return list(current.analysis.read().labels) if current.analysis.is_there else []


def _next(pile: OpenPile, order: Order, classes: list[str]) -> dict[str, Any]:
    read, named = pile.read(), pile.named_rows()
    if order == "least_sure":
        found = least_sure(read, named)
    else:
        found = next_group(read, named, by_guess=order == "guesses")
    counts: dict[str, int] = {}
    for label in named.values():
        counts[label] = counts.get(label, 0) + 1
    return {
        "group": None if found is None else _group(pile, found),
        "total": len(read.images),
        "named": len(named),
        "counts": counts,
        "labels": sorted({*classes, *read.labels, *(label for label in counts if label)}),
        "can_guess": bool(read.labels) or len([c for c in counts.values() if c >= 3]) >= 2,
        "own_folder": pile.is_own_folder,
        "unreadable": len(read.unreadable),
        "names_file": str(pile.names.file),
    }


def _group(pile: OpenPile, found: Group) -> dict[str, Any]:
    images = pile.read().images
    return {
        "guess": found.guess,
        "images": [
            {"sha256": images[row].sha256, "path": images[row].path, "certainty": certainty}
            for row, certainty in zip(found.rows, found.certainty, strict=True)
        ],
    }
