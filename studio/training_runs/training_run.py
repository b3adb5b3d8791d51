"""One training of a project at a time, and which version answers while it runs.

A new version would answer as soon as it is published. So before a training the version that answers now is
held by the alias "stable"; the person then moves that alias to the new version, or leaves it. Where no new
version comes, the alias goes away again.
"""

import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final, Literal

from inference.errors import InferenceError, ModelNotFound
from inference.names import STABLE
from inference.repository import Repository
from studio.errors import NotFound, NotNow, StudioError
from studio.processes.background_job import BackgroundJob, State
from studio.projects.project import Project
from studio.training_runs.choices import OPTIONS, Choice

_COMPARISON: Final = "comparison.json"
# There once a training that brought no version has given the alias back.
_SETTLED: Final = "settled"
Decision = Literal["publish", "keep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """What was decided when a training was started.

    Attributes:
        choice: how long.
        expected_s: what it was to take.
        before: the version that answered then, if any.
        held: whether the alias was set to hold it.
    """

    choice: Choice
    expected_s: float
    before: int | None
    held: bool


class TrainingRun:
    """The last training of a project."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._repository = Repository(project.models_dir)
        self._starting = Lock()
        self.job = BackgroundJob(project.training_dir)
        self.comparing = BackgroundJob(project.training_dir / "comparing")

    def start(self, choice: Choice, *, expected_s: float, labels: Path | None) -> None:
        """Start a training; an unfinished one of the same options goes on where it was.

        Raises:
            NotNow: one is running.
            NotFound: the folder is gone.
            DiskProblem: the workspace cannot be written.
        """
        with self._starting:  # a double click would set the alias, and take it away again
            self._start(choice, expected_s=expected_s, labels=labels)

    def _start(self, choice: Choice, *, expected_s: float, labels: Path | None) -> None:
        if self.job.state == "running":
            raise NotNow("a training is running already; wait for it, or stop it")
        if not self._project.is_there():
            raise NotFound(f"the folder {str(self._project.data)!r} is not there any more")
        self.settle()
        for name in (_COMPARISON, _SETTLED):
            (self._project.training_dir / name).unlink(missing_ok=True)
        before, held = self._hold_current()
        details = RunDetails(choice=choice, expected_s=expected_s, before=before, held=held)
        try:
            self.job.start(self._command(choice, labels), asdict(details))
        except StudioError:
            if held:
                self._release()
            raise

    def settle(self) -> None:
        """Take away the alias that a training had set which ended without a new version; once."""
        details, settled = self.details, self._project.training_dir / _SETTLED
        if details is None or not details.held or self.state == "running" or self.published:
            return
        try:
            if not settled.exists():
                # Another version there is a person's choice.
                if self._repository.aliases(self._project.name).get(STABLE) == details.before:
                    self._release()
                settled.touch()
        except (InferenceError, OSError):  # the next look tries again
            return

    @property
    def details(self) -> RunDetails | None:
        """What was decided at the start of the last training."""
        record = self.job.record
        return None if record is None else RunDetails(**record.details)

    @property
    def state(self) -> State:
        """How it is with the last training."""
        return self.job.state

    @property
    def published(self) -> int | None:
        """The version that the last training made."""
        folders = [e["folder"] for e in self.job.events if e["event"] == "published"]
        return int(Path(folders[-1]).name) if folders else None

    def comparison(self) -> dict[str, Any] | None:
        """Return the new version beside the one before; begin to compare where nobody has.

        None while that is going on, or where there is nothing to compare.
        """
        details, new = self.details, self.published
        if details is None or new is None or details.before is None:
            return None
        file = self._project.training_dir / _COMPARISON
        try:
            found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            if self.comparing.state == "none" or self._is_of_another_run():
                self._compare(details.before, new, file)
            return None
        return found

    def decide(self, decision: Decision) -> None:
        """Let the new version answer from now on, or the one before.

        Raises:
            NotNow: there is no new version.
            PackageError: the models folder cannot be written.
        """
        details, new = self.details, self.published
        if details is None or new is None:
            raise NotNow("there is no new version to decide about")
        name = self._project.name
        if decision == "keep":
            if details.before is not None:
                self._repository.set_alias(name, STABLE, details.before)
        elif details.held and new == self._repository.resolve(name, "latest"):
            self._release()
        else:
            self._repository.set_alias(name, STABLE, new)

    def default_version(self) -> int | None:
        """Return the version that answers; None where there is none."""
        try:
            return self._repository.resolve(self._project.name)
        except InferenceError:
            return None

    def _hold_current(self) -> tuple[int | None, bool]:
        current, name = self.default_version(), self._project.name
        if current is None:
            return None, False
        if STABLE in self._repository.aliases(name):
            return current, False
        self._repository.set_alias(name, STABLE, current)
        return current, True

    def _release(self) -> None:
        try:
            self._repository.remove_alias(self._project.name, STABLE)
        except ModelNotFound:  # somebody has removed it
            return

    def _command(self, choice: Choice, labels: Path | None) -> list[str]:
        project = self._project
        command = [sys.executable, "-m", "training.finetune", str(project.data)]
        command += ["--name", project.name, "--models-dir", str(project.models_dir.absolute())]
        command += ["--progress", "json", "--leakage", "drop", "--allow-conflicts", "--offline"]
        if labels is not None:
            command += ["--labels", str(labels.absolute())]
        return [*command, *OPTIONS[choice]]

    def _is_of_another_run(self) -> bool:
        record, run = self.comparing.record, self.job.record
        began = run.began if run is not None else 0.0
        return record is not None and record.began < began and self.comparing.state != "running"

    def _compare(self, before: int, new: int, file: Path) -> None:
        project = self._project
        command = [sys.executable, "-m", "studio.training_runs.compare_versions"]
        command += [str(project.models_dir.absolute()), project.name, str(before), str(new)]
        self.comparing.start([*command, "--out", str(file.absolute())], {})
