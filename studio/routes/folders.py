"""Choosing a folder, and the projects that there are."""

from typing import Any

from fastapi import APIRouter

from studio.analysis.moved_folder import open_folder_of_photos
from studio.folders.browse import FolderView, view_folder
from studio.folders.roots import allowed_folder
from studio.projects.project import list_projects, move_project, open_project
from studio.routes.dependencies import Body, CurrentProject, Studio

router = APIRouter(prefix="/api")


class Choice(Body):
    """A folder, and the name of its models where the person has one."""

    path: str
    name: str | None = None


class Place(Body):
    """Where the photos of a project are now."""

    path: str


@router.get("/folders")
def folders(studio: Studio, path: str | None = None) -> FolderView:
    """Look into a folder; without a path, the first root that is still there."""
    roots = studio.settings.roots
    first = next((root for root in roots if root.is_dir()), roots[0])
    return view_folder(allowed_folder(path or str(first), roots), roots)


@router.get("/projects")
def projects(studio: Studio) -> dict[str, Any]:
    """List the projects, the last used first, and the roots."""
    found = list_projects(studio.models_dir)
    return {
        "roots": [str(root) for root in studio.settings.roots],
        "projects": [
            {"name": p.name, "data": str(p.data), "is_there": p.is_there()} for p in found
        ],
    }


@router.post("/projects")
def choose(studio: Studio, choice: Choice) -> dict[str, str]:
    """Open the project of a folder; it is made where there is none."""
    data = allowed_folder(choice.path, studio.settings.roots)
    if choice.name:
        project = open_project(studio.models_dir, data, name=choice.name)
    else:
        project = open_folder_of_photos(studio.models_dir, data)
    return {"name": project.name, "data": str(project.data)}


@router.post("/projects/{name}/folder")
def move(current: CurrentProject, studio: Studio, place: Place) -> dict[str, str]:
    """Say where the photos of a project are now, whose folder is gone."""
    data = allowed_folder(place.path, studio.settings.roots)
    project = move_project(current.project, data)
    return {"name": project.name, "data": str(project.data)}
