"""Choosing a folder, and the projects that there are."""

from typing import Any

from fastapi import APIRouter

from studio.folders.browse import FolderView, view_folder
from studio.folders.roots import allowed_folder
from studio.projects.project import list_projects, open_project
from studio.routes.dependencies import Body, Studio

router = APIRouter(prefix="/api")


class Choice(Body):
    """A folder, and the name of its models where the person has one."""

    path: str
    name: str | None = None


@router.get("/folders")
def folders(studio: Studio, path: str | None = None) -> FolderView:
    """Look into a folder; without a path, the first root."""
    roots = studio.settings.roots
    return view_folder(allowed_folder(path or str(roots[0]), roots), roots)


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
    project = open_project(studio.models_dir, data, name=choice.name or None)
    return {"name": project.name, "data": str(project.data)}
