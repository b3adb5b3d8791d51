"""Where a run's figures are logged as it goes: TensorBoard's files, MLflow, or nowhere.

Neither is imported before a run begins.
"""

import shlex
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from training.assessment.validation_record import ValidationRecord
from training.config import FinetuneConfig
from training.errors import ConfigError
from training.finetuning.loop import Hooks, StepReport
from training.finetuning.tracker_check import is_installed
from training.runtime.progress import Display
from training.runtime.ranks import is_main


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRun:
    """What a checkpoint holds, so that the resumed run writes to the same log.

    Attributes:
        kind: "tensorboard", "mlflow" or "none".
        run_id: the tracker's own name of the run.
    """

    kind: str
    run_id: str

    def to_saved(self) -> dict[str, str]:
        """Return plain values."""
        return asdict(self)


class Tracker(Protocol):
    """What takes figures."""

    @property
    def run(self) -> LoggedRun:
        """What it takes to resume this log."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Take the figures of a step, counted from 1."""

    def finish(self, *, complete: bool) -> None:
        """Write what is not yet written; `complete` unless the run was stopped or failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _NoTracker:
    run: LoggedRun = LoggedRun(kind="none", run_id="")

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Take no notice."""

    def finish(self, *, complete: bool) -> None:
        """Have nothing to write."""


@dataclass(slots=True, kw_only=True)
class _TensorBoard:
    """Writes files. Where the disk takes no more it says so once: no log is worth the training it is of."""

    run: LoggedRun
    writer: Any
    warn: Callable[[str], None]
    broken: bool = False

    def log(self, values: Mapping[str, float], step: int) -> None:
        if self.broken:
            return
        with self._going_on():
            for name, value in values.items():
                self.writer.add_scalar(name, value, global_step=step)
            # Before the step is in a checkpoint: a run that resumes from there finds it in its log.
            self.writer.flush()

    def finish(self, *, complete: bool) -> None:
        with self._going_on():
            self.writer.close()

    @contextmanager
    def _going_on(self) -> Iterator[None]:
        try:
            yield
        except OSError as err:
            if not self.broken:
                self.warn(_no_log(err))
            self.broken = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _MLflow:
    run: LoggedRun
    client: Any
    warn: Callable[[str], None]

    def log(self, values: Mapping[str, float], step: int) -> None:
        from mlflow.entities import Metric

        now_ms = int(time.time() * 1000)
        metrics = [Metric(name, value, now_ms, step) for name, value in values.items()]
        # The server answers in its own time; a step does not wait for it.
        self.client.log_batch(self.run.run_id, metrics=metrics, synchronous=False)

    def finish(self, *, complete: bool) -> None:
        import mlflow
        from mlflow.exceptions import MlflowException

        try:
            mlflow.flush_async_logging()
            self.client.set_terminated(self.run.run_id, "FINISHED" if complete else "KILLED")
        except MlflowException as err:  # no log is worth the hour of training it is of
            self.warn(f"the end of the run is missing in MLflow: {err}")


def open_tracker(
    config: FinetuneConfig,
    folder: Path,
    display: Display,
    *,
    earlier: Mapping[str, str] | None,
    done: int,
) -> Tracker:
    """Return where a run's figures go, and say where that is. Only the first process has a tracker.

    Args:
        config: whose `tracker` is opened, and whose options are logged.
        folder: the run's own.
        display: prints it.
        earlier: what `LoggedRun.to_saved` gave for the run that is resumed, or None.
        done: the steps that the run has behind it. Later ones in its log are of before a kill and
            will come again.

    Raises:
        ConfigError: MLflow cannot be reached.
    """
    kind = config.tracker
    if kind == "auto":
        kind = "tensorboard" if is_installed("tensorboard") else "none"
    if kind == "none" or not is_main():
        return _NoTracker()
    known = earlier["run_id"] if earlier and earlier["kind"] == kind else None
    if kind == "mlflow":
        return _open_mlflow(config, display, known)
    return _open_tensorboard(config, folder / "tensorboard", display, known, done)


@contextmanager
def tracked(tracker: Tracker, hooks: Hooks) -> Iterator[Hooks]:
    """Yield hooks that also log each step and each validation; finish after."""
    last_step = 0

    def on_step(report: StepReport) -> None:
        nonlocal last_step
        hooks.on_step(report)
        last_step = report.step
        values = {
            "train/loss": report.loss,
            "train/learning_rate": report.learning_rate,
            "train/images_per_s": report.images_per_s,
        }
        tracker.log(values, last_step)

    def on_validation(record: ValidationRecord) -> None:
        hooks.on_validation(record)
        values = {"validation/loss": record.val_loss, "validation/accuracy": record.val_accuracy}
        tracker.log(values, last_step)

    complete = False
    try:
        yield replace(hooks, on_step=on_step, on_validation=on_validation)
        complete = True
    finally:
        tracker.finish(complete=complete)


def _open_tensorboard(
    config: FinetuneConfig, folder: Path, display: Display, known: str | None, done: int
) -> Tracker:
    from torch.utils.tensorboard import SummaryWriter

    run_id = known or datetime.now(UTC).strftime("%Y%m%d-%H%M%S-%f")
    _hush_writing_thread()
    try:
        writer = SummaryWriter(folder / run_id, purge_step=done + 1 if known else None)
        if not known:
            options = "\n".join(f"    {key}: {value}" for key, value in config.record().items())
            writer.add_text("options", options)
    except OSError as err:
        display.warning(_no_log(err))
        return _NoTracker()
    display.line(f"logging for TensorBoard: tensorboard --logdir {shlex.quote(str(folder))}")
    run = LoggedRun(kind="tensorboard", run_id=run_id)
    return _TensorBoard(run=run, writer=writer, warn=display.warning)


def _hush_writing_thread() -> None:
    """Let TensorBoard's thread end without a stack trace: its error comes again at the next flush."""
    before = threading.excepthook

    def hook(arguments: threading.ExceptHookArgs) -> None:
        of_tensorboard = type(arguments.thread).__module__.startswith("tensorboard")
        if not (of_tensorboard and issubclass(arguments.exc_type, OSError)):
            before(arguments)

    threading.excepthook = hook


def _no_log(err: OSError) -> str:
    reason = err.strerror or type(err).__name__
    return f"TensorBoard's log cannot be written: {reason}; the run goes on without it"


def _open_mlflow(config: FinetuneConfig, display: Display, known: str | None) -> Tracker:
    import mlflow
    from mlflow.exceptions import MlflowException

    place = mlflow.get_tracking_uri()
    try:
        client = mlflow.MlflowClient()
        run_id = known or _new_mlflow_run(client, config)
        client.update_run(run_id, status="RUNNING")
    except MlflowException as err:
        raise ConfigError(
            f"MLflow at {place!r} takes no run: {err}; set MLFLOW_TRACKING_URI to a server that "
            "answers, or leave --tracker out for TensorBoard"
        ) from err
    display.line(f"logging to MLflow at {place}: run {run_id}")
    return _MLflow(run=LoggedRun(kind="mlflow", run_id=run_id), client=client, warn=display.warning)


def _new_mlflow_run(client: Any, config: FinetuneConfig) -> str:
    """Begin a run in the experiment that has the model's name, and log the options."""
    name = config.publish_name
    experiment = client.get_experiment_by_name(name)
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(name)
    run_id: str = client.create_run(experiment_id).info.run_id
    for key, value in config.record().items():
        client.log_param(run_id, key, value)
    return run_id
