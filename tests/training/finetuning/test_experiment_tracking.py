"""Where a run's figures are logged."""

import io
import resource
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from tests.training.command_process import print_modules, run
from tests.training.finetuning.logs import logged, logged_steps
from training.assessment.validation_record import ValidationRecord
from training.config import FinetuneConfig
from training.errors import ConfigError, Paused
from training.finetuning.experiment_tracking import LoggedRun, open_tracker, tracked
from training.finetuning.loop import NO_HOOKS, StepReport
from training.finetuning.tracker_check import check_tracker
from training.runtime.progress import Display

pytestmark = pytest.mark.training

CONFIG = FinetuneConfig(data=Path("photos"))
RECORD = ValidationRecord(
    epoch=1, train_loss=0.5, val_loss=0.25, val_accuracy=0.875, learning_rate=1e-4, seconds=12.0
)


def report(step: int, loss: float) -> StepReport:
    return StepReport(step=step, num_steps=9, loss=loss, learning_rate=0.125, images_per_s=64.0)


def log_run(
    folder: Path, losses: list[float], *, earlier: LoggedRun | None = None, done: int = 0
) -> tuple[LoggedRun, str]:
    """Log steps that follow `done`; return the log's name and what was printed."""
    printed = io.StringIO()
    tracker = open_tracker(
        CONFIG,
        folder,
        Display(Console(file=printed)),
        earlier=earlier.to_saved() if earlier else None,
        done=done,
    )
    with tracked(tracker, NO_HOOKS) as hooks:
        for step, loss in enumerate(losses, start=done + 1):
            hooks.on_step(report(step, loss))
        hooks.on_validation(RECORD)
    return tracker.run, printed.getvalue()


def test_tensorboard_reads_what_a_run_logged(tmp_path: Path) -> None:
    run, printed = log_run(tmp_path, [0.75, 0.5])
    assert printed == f"logging for TensorBoard: tensorboard --logdir {tmp_path / 'tensorboard'}\n"
    log = tmp_path / "tensorboard" / run.run_id
    assert logged(log, "train/loss") == [(1, 0.75), (2, 0.5)]
    assert logged(log, "train/learning_rate") == [(1, 0.125), (2, 0.125)]
    assert logged(log, "train/images_per_s") == [(1, 64.0), (2, 64.0)]
    assert logged(log, "validation/loss") == [(2, 0.25)]
    assert logged(log, "validation/accuracy") == [(2, 0.875)]


def test_a_full_disk_costs_the_log_and_not_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file may grow beyond 2 kB: the options fit, the steps do not."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))
    try:
        _, printed = log_run(tmp_path, [0.5] * 200)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert printed.count("warning: TensorBoard's log cannot be written: File too large") == 1
    assert "Traceback" not in capsys.readouterr().err


def test_a_run_that_goes_on_continues_its_log_and_replaces_what_it_repeats(tmp_path: Path) -> None:
    run, _ = log_run(tmp_path, [5.0, 4.0, 3.0])
    again, _ = log_run(tmp_path, [2.0, 1.0], earlier=run, done=2)
    assert again == run
    log = tmp_path / "tensorboard" / run.run_id
    assert logged(log, "train/loss") == [(1, 5.0), (2, 4.0), (3, 2.0), (4, 1.0)]


def test_another_run_has_a_log_of_its_own(tmp_path: Path) -> None:
    first, _ = log_run(tmp_path, [1.0])
    second, _ = log_run(tmp_path, [2.0])
    assert first.run_id != second.run_id
    assert logged_steps(tmp_path / "tensorboard" / first.run_id, "train/loss") == [1]


def test_a_run_that_was_logged_elsewhere_begins_a_new_log(tmp_path: Path) -> None:
    elsewhere = LoggedRun(kind="mlflow", run_id="e1b2")
    run, _ = log_run(tmp_path, [1.0], earlier=elsewhere, done=4)
    assert run.kind == "tensorboard"
    assert logged_steps(tmp_path / "tensorboard" / run.run_id, "train/loss") == [5]


def test_a_stopped_run_is_on_the_disk_and_its_hooks_were_called(tmp_path: Path) -> None:
    seen: list[int] = []
    hooks = replace(NO_HOOKS, on_step=lambda told: seen.append(told.step))
    tracker = open_tracker(CONFIG, tmp_path, Display(Console(quiet=True)), earlier=None, done=0)

    def stopped() -> None:
        with tracked(tracker, hooks) as both:
            both.on_step(report(1, 1.0))
            raise Paused

    with pytest.raises(Paused):
        stopped()
    assert seen == [1]
    assert logged_steps(tmp_path / "tensorboard" / tracker.run.run_id, "train/loss") == [1]


def test_without_a_tracker_nothing_is_written_or_said(tmp_path: Path) -> None:
    printed = io.StringIO()
    config = replace(CONFIG, tracker="none")
    display = Display(Console(file=printed))
    with tracked(open_tracker(config, tmp_path, display, earlier=None, done=0), NO_HOOKS) as hooks:
        hooks.on_step(report(1, 1.0))
    assert list(tmp_path.iterdir()) == []
    assert printed.getvalue() == ""


def test_of_several_processes_only_the_first_one_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    log_run(tmp_path, [1.0])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_mlflow_is_told_before_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(ConfigError, match="not installed; run: pip install mlflow"):
        check_tracker("mlflow")
    check_tracker("tensorboard")


def test_without_tensorboard_nothing_is_logged_unless_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    check_tracker("auto")
    with pytest.raises(ConfigError, match="run: pip install tensorboard"):
        check_tracker("tensorboard")
    run, printed = log_run(tmp_path, [1.0])
    assert (run.kind, printed, list(tmp_path.iterdir())) == ("none", "", [])


def test_no_tracker_is_imported_before_a_run_begins() -> None:
    imported = run([], prepare=print_modules).out.split()
    assert "training.run.pipeline" in imported
    assert {"tensorboard", "mlflow"}.isdisjoint(imported)
