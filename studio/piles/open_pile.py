"""The pile of a project: its folder, and the names that its images got.

Names of a pile elsewhere are kept in a file of the same format as corrections, in the workspace. Where the
pile is the project's own folder, which has no class folders yet, they are the project's corrections: it can
be trained on as it is.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Final

from inference.errors import InferenceError
from inference.repository import Repository
from studio.errors import NotFound, NotNow
from studio.piles.pile_file import Pile, pile_stamp, read_pile
from studio.processes.background_job import BackgroundJob
from studio.projects.corrections import Correction, Corrections
from studio.projects.project import Project

_ONLY: Final = "only.txt"


class OpenPile:
    """One pile of a project at a time."""

    def __init__(self, project: Project, corrections: Corrections) -> None:
        self._project = project
        self._corrections = corrections
        self._folder = project.workspace / "pile"
        self._own = Corrections(self._folder)
        self._lock = Lock()
        self._read: tuple[tuple[int, int] | None, Pile] | None = None
        self.looking = BackgroundJob(self._folder / "looking")

    def look_at_some(self, folder: Path, names: Mapping[str, str]) -> None:
        """Start to look at some files of a folder, given by content hash and name; they have no label yet.

        Raises:
            NotNow: one is being looked at.
            DiskProblem: the workspace cannot be written.
        """
        if self.looking.state == "running":
            raise NotNow("photos are being looked at already; wait for that, or stop it")
        self._own.remove(*names)
        self._folder.mkdir(parents=True, exist_ok=True)
        only = self._folder / _ONLY
        only.write_text("\n".join(names.values()), encoding="utf-8")
        self.look(folder, only=only)

    def look(self, folder: Path, *, only: Path | None = None) -> None:
        """Start to look at a folder; `only` is a file with the names of the files to look at.

        Raises:
            NotNow: one is being looked at.
        """
        command = [sys.executable, "-m", "studio.piles", str(folder)]
        command += ["--into", str(self._folder.absolute())]
        command += ["--only", str(only.absolute())] if only is not None else []
        try:
            package = Repository(self._project.models_dir).package(self._project.name)
        except InferenceError:  # no model to ask yet
            pass
        else:
            command += ["--model", str(package.path.absolute())]
        self.looking.start(command, {"folder": str(folder)})

    def read(self) -> Pile:
        """Return the pile.

        Raises:
            NotNow: none was looked at.
        """
        with self._lock:
            stamp = pile_stamp(self._folder)
            if self._read is None or self._read[0] != stamp:
                self._read = stamp, read_pile(self._folder)
            return self._read[1]

    @property
    def is_own_folder(self) -> bool:
        """Whether the pile is the folder of the project itself."""
        return self.read().folder == str(self._project.data)

    @property
    def names(self) -> Corrections:
        """Where names are written."""
        return self._corrections if self.is_own_folder else self._own

    def named_rows(self) -> dict[int, str]:
        """Return the label of each row that has one; empty where it is struck out for good."""
        said: Mapping[str, Correction] = self.names.read()
        images = self.read().images
        return {r: said[i.sha256].label for r, i in enumerate(images) if i.sha256 in said}

    def row(self, sha256: str) -> int:
        """Return the place of an image.

        Raises:
            NotFound: it is none of the pile.
        """
        for row, image in enumerate(self.read().images):
            if image.sha256 == sha256:
                return row
        raise NotFound("this image is not in the pile; look at it again")

    def file(self, sha256: str) -> Path:
        """Return where an image lies.

        Raises:
            NotFound: as `row`.
        """
        pile = self.read()
        return Path(pile.folder) / pile.images[self.row(sha256)].path
