"""The workspace of a project: `models/.studio/NAME/`.

It lies in the models folder and not among the photos, which may be read-only, shared or moved, and are never
written to; it has the name of the models that come of it. The dot keeps it out of the names of models.
"""

import json
import os
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from inference.errors import InvalidName
from inference.names import check_model_name
from studio.errors import BadInput, DiskProblem, NotFound, NotNow
from training.publish_name import derive_name

WORKSPACES: Final = ".studio"
_FILE: Final = "project.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A folder of images and the name of its models. `data` is a real path."""

    name: str
    data: Path
    models_dir: Path

    @property
    def workspace(self) -> Path:
        """Where all that the studio knows of the project is kept."""
        return workspace_of(self.models_dir, self.name)

    @property
    def analysis_dir(self) -> Path:
        """What was found in the images; can be made again."""
        return self.workspace / "analysis"

    @property
    def training_dir(self) -> Path:
        """The last training."""
        return self.workspace / "training"

    def is_there(self) -> bool:
        """Whether the folder of images can still be entered."""
        return os.access(self.data, os.R_OK | os.X_OK)


def workspace_of(models_dir: Path, name: str) -> Path:
    """Return the workspace of a project."""
    return models_dir / WORKSPACES / name


def open_project(models_dir: Path, data: Path, *, name: str | None = None) -> Project:
    """Return the project of a folder; it is made where there is none.

    Args:
        models_dir: where models are published.
        data: the folder of images, a real path.
        name: of the models; else the one that the folder has already, or one like the folder's.

    Raises:
        BadInput: the name is not allowed, or another folder's.
        DiskProblem: the models folder cannot be written.
    """
    known = list_projects(models_dir)
    if name is None:
        for project in known:
            if project.data == data:
                return project
        name = _free_name(data, {project.name for project in known})
    owner = next((project for project in known if project.name == name), None)
    if owner is not None and owner.data != data:
        raise BadInput(f"the name {name!r} belongs to the folder {str(owner.data)!r}; give another")
    project = Project(name=_checked(name), data=data, models_dir=models_dir)
    if owner is None:
        _write(project)
    return project


def move_project(project: Project, data: Path) -> Project:
    """Return a project whose photos lie in another folder from now on; answers and models stay its own.

    Raises:
        NotNow: its folder is still there.
        DiskProblem: the models folder cannot be written.
    """
    if project.is_there():
        raise NotNow(
            f"the photos of {project.name!r} are still in {str(project.data)!r}; choose the other folder "
            "as a project of its own"
        )
    moved = replace(project, data=data)
    _write(moved)
    return moved


def find_project(models_dir: Path, name: str) -> Project:
    """Return a project by its name.

    Raises:
        NotFound: there is none.
    """
    project = _read(models_dir, name)
    if project is None:
        raise NotFound(f"there is no project {name[:80]!r}; choose its folder")
    return project


def list_projects(models_dir: Path) -> list[Project]:
    """Return all projects, the last used first."""
    try:
        names = os.listdir(models_dir / WORKSPACES)
    except OSError:
        return []
    found = [project for name in names if (project := _read(models_dir, name)) is not None]
    return sorted(found, key=lambda p: p.workspace.stat().st_mtime, reverse=True)


def _free_name(data: Path, taken: set[str]) -> str:
    base = derive_name(data.name)[:56]
    names = (base if number == 1 else f"{base}-{number}" for number in range(1, len(taken) + 2))
    return next(name for name in names if name not in taken)


def _checked(name: str) -> str:
    try:
        return check_model_name(name)
    except InvalidName as err:
        raise BadInput(str(err)) from err


def _read(models_dir: Path, name: str) -> Project | None:
    try:
        check_model_name(name)
        text = (workspace_of(models_dir, name) / _FILE).read_text(encoding="utf-8")
        return Project(name=name, data=Path(json.loads(text)["data"]), models_dir=models_dir)
    except (InvalidName, OSError, ValueError, KeyError, TypeError):
        return None


def _write(project: Project) -> None:
    try:
        project.workspace.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"data": str(project.data)}, ensure_ascii=False)
        temporary = project.workspace / f".{_FILE}-{secrets.token_hex(4)}"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(project.workspace / _FILE)
    except OSError as err:
        raise DiskProblem(
            f"the models folder {str(project.models_dir)!r} cannot be written: {err.strerror}; choose "
            "another with --models-dir"
        ) from err
