"""A new data set: its folder, its classes, photos dropped or taken."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from studio.bodies import read_photo
from studio.errors import DiskProblem
from studio.folders.browse import count_classes
from studio.folders.new_folder import make_folder
from studio.folders.roots import allowed_folder
from studio.projects.add_photo import add_photo
from studio.projects.copying import class_folder
from studio.projects.project import open_project
from studio.routes.dependencies import Body, CurrentProject, Studio

router = APIRouter(prefix="/api")


class NewSet(Body):
    """The name of a new data set, and the folder that its own is made in."""

    parent: str
    name: str


class NewClass(Body):
    """The name of a class."""

    label: str


@router.post("/new")
def new(studio: Studio, given: NewSet) -> dict[str, str]:
    """Make a folder for a data set and open its project."""
    parent = allowed_folder(given.parent, studio.settings.roots)
    project = open_project(studio.models_dir, make_folder(parent, given.name))
    return {"name": project.name}


@router.get("/projects/{name}/classes")
def classes(current: CurrentProject) -> list[dict[str, Any]]:
    """List the class folders with the number of images directly in them."""
    data = current.project.data
    place = class_folder(data, "any").parent
    return [{"label": label, "images": images} for label, images in count_classes(place)]


@router.post("/projects/{name}/classes")
def new_class(current: CurrentProject, given: NewClass) -> None:
    """Make the folder of a class."""
    folder = class_folder(current.project.data, given.label)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as err:
        raise DiskProblem(f"{str(folder)!r} cannot be made: {err.strerror}") from err


@router.post("/projects/{name}/photos")
async def add(
    current: CurrentProject, request: Request, label: Annotated[str, Query(min_length=1)]
) -> dict[str, bool]:
    """Put the photo in the body into a class; `new` is false where it was there already."""
    photo = await read_photo(request.stream())
    added = await run_in_threadpool(add_photo, current.project.data, label, photo)
    return {"new": added}
