"""What all routes work with: the settings, and of each project what is open."""

import sys
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from studio.analysis.reader import AnalysisReader, LabelledImages
from studio.collecting.kept_queue import KeptQueue
from studio.errors import NotFound
from studio.photos.thumbnails import Thumbnails
from studio.piles.open_pile import OpenPile
from studio.processes.background_job import BackgroundJob
from studio.projects.corrections import Corrections
from studio.projects.project import Project, find_project
from studio.settings import Settings
from studio.training_runs.training_run import TrainingRun
from studio.trying.loaded_models import LoadedModels


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenProject:
    """A project, and the readers and jobs of it that are kept between calls."""

    project: Project
    corrections: Corrections
    analysis: AnalysisReader
    looking: BackgroundJob
    training: TrainingRun
    pile: OpenPile

    @classmethod
    def of(cls, project: Project) -> "OpenProject":
        """Open a project."""
        corrections = Corrections(project.workspace)
        return cls(
            project=project,
            corrections=corrections,
            pile=OpenPile(project, corrections),
            analysis=AnalysisReader(project.analysis_dir),
            looking=BackgroundJob(project.workspace / "looking"),
            training=TrainingRun(project),
        )

    def images(self) -> LabelledImages:
        """Return the analysis under the answers of now.

        Raises:
            NotNow: the folder has not been looked at.
        """
        return LabelledImages(self.analysis.indexed(), dict(self.corrections.read()))

    def photo_file(self, sha256: str) -> Path:
        """Return where a photo lies, also one that the last look left out.

        Raises:
            NotFound: the folder had no such photo.
        """
        try:
            path = self.analysis.image(sha256).path
        except NotFound:
            said = self.corrections.read().get(sha256)
            if said is None or ".." in Path(said.file_name).parts:
                raise
            path = said.file_name.lstrip("/")
        return self.project.data / path

    def look(self, settings: Settings) -> None:
        """Start to look at the folder.

        Raises:
            NotFound: the folder is gone.
            NotNow: it is being looked at.
        """
        if not self.project.is_there():
            raise NotFound(
                f"the folder {str(self.project.data)!r} is not there any more; bring it back, or say on "
                "the data page where it is now. What you have answered is kept"
            )
        command = [sys.executable, "-m", "studio.analysis", str(self.project.data)]
        command += ["--into", str(self.project.analysis_dir.absolute())]
        if self.corrections.file.exists():
            command += ["--labels", str(self.corrections.file.absolute())]
        self.looking.start(command, {})


class Context:
    """Of one studio."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.thumbnails = Thumbnails(settings.cache_dir)
        self.kept = KeptQueue(settings.keep_dir)
        self.models = LoadedModels(settings.models_dir)
        self._open: dict[str, OpenProject] = {}
        self._lock = Lock()

    def project(self, name: str) -> OpenProject:
        """Return a project by its name.

        Raises:
            NotFound: there is none.
        """
        found = find_project(self.settings.models_dir, name)
        with self._lock:
            known = self._open.get(name)
            if known is None or known.project != found:  # its folder was moved
                known = self._open[name] = OpenProject.of(found)
            return known

    @property
    def models_dir(self) -> Path:
        """Where models are published."""
        return self.settings.models_dir
