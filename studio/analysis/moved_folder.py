"""A project whose folder was moved or renamed, found again by its photos."""

import hashlib
from pathlib import Path
from typing import Final

from studio.analysis.analysis_file import read_analysis
from studio.errors import NotNow
from studio.projects.project import Project, list_projects, move_project, open_project

# Spread over the folder: enough to tell it from another of the same names, and soon read.
_COMPARED: Final = 24
_FEWEST: Final = 2


def open_folder_of_photos(models_dir: Path, data: Path) -> Project:
    """Return the project of a folder: its own, else one whose folder is gone and whose photos lie here.

    Where there is neither, a new one.

    Raises:
        BadInput: no project can be named like the folder.
        DiskProblem: the models folder cannot be written.
    """
    known = list_projects(models_dir)
    if all(project.data != data for project in known):
        for project in known:
            if _is_gone(project.data) and _are_photos_of(project, data):
                return move_project(project, data)
    return open_project(models_dir, data)


def _is_gone(folder: Path) -> bool:
    try:
        return not folder.exists()
    except OSError:  # a share that does not answer may come back
        return False


def _are_photos_of(project: Project, data: Path) -> bool:
    """Return whether photos of the last look lie at the same places of a folder, by content."""
    try:
        images = read_analysis(project.analysis_dir).images
    except NotNow:  # never looked at: nobody can say
        return False
    if len({image.sha256 for image in images}) < _FEWEST:
        return False
    some = images[:: -(-len(images) // _COMPARED)]
    return all(_has_content(data / image.path, image.sha256) for image in some)


def _has_content(file: Path, sha256: str) -> bool:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest() == sha256
    except OSError:
        return False
