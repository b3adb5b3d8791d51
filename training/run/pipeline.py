"""The stages of a run, in order: read, build, fit, choose, measure, publish."""

import math
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from inference.errors import PackageError
from inference.measured import Metrics
from training.assessment.baseline import not_better_than_guessing
from training.config import FinetuneConfig
from training.data.cache import default_cache_dir
from training.data.cache_contents import describe_cache
from training.data.folder import Folder
from training.data.folder_check.groups_in_folders import GROUPS
from training.data.folder_summary import describe_findings, describe_folder
from training.data.layout import raise_errors
from training.data.open_folder import open_folder
from training.errors import StoppedAfterPublishing
from training.finetuning.tracker_check import check_tracker
from training.interrupts import ending_at_once
from training.planning.budget_shares import StageCosts
from training.run.ask_teacher import ask_teacher, open_teacher
from training.run.audit_command import audit_command
from training.run.cached_probe import CachedProbe
from training.run.choose_fit import resolve_fit
from training.run.default_version import decide_default, keeping_default, make_default
from training.run.fit_probe import Fitting
from training.run.label_changes import compare_labels, describe_changes
from training.run.measure import measure_selected
from training.run.next_steps import describe_next_steps
from training.run.precision_plan import describe_precisions
from training.run.publish import publish
from training.run.publishing_turn import publishing_turn
from training.run.report_content import make_report
from training.run.saved_run import forget_run, own_run_name, runs_folder
from training.run.unused_options import describe_unused
from training.runtime.progress import Display
from training.runtime.ranks import is_main
from training.runtime.stage_durations import StageDurations
from training.runtime.time_budget import TimeBudget

if TYPE_CHECKING:
    from training.run.network_run import NetworkRun


def run(config: FinetuneConfig, display: Display, *, started: float) -> Path | None:
    """Train and publish; return the published folder, None for a dry run.

    Under `torchrun` every process calls this and only the first one prints and publishes. `started` is
    the `time.monotonic()` at which the time budget began.

    Raises:
        TrainingError: the data, the options, the weights or a gate stop the run.
        PackageError: the repository cannot be written.
    """
    total_s = math.inf if config.time_budget is None else config.time_budget
    costs = StageCosts(budget=TimeBudget(started_s=started, total_s=total_s))
    times = StageDurations()
    times.add("starting", costs.budget.elapsed_s)
    display = replace(display, on_stage=times.add)
    folder = open_folder(
        config.data,
        config.label_source,
        min_images=config.min_images,
        cache_dir=config.cache_dir,
        limits=config.decode_limits,
    )
    if config.group_by is not None:  # it is known already
        folder = replace(folder, findings=tuple(f for f in folder.findings if f.kind != GROUPS))
    _check_writable(config.models_dir, config.publish_name)
    _describe_data(folder, config, display)
    check_tracker(config.tracker)
    with _stages(config, display) as stages:
        return _run(stages, folder, config, display, costs=costs, times=times)


@contextmanager
def _stages(config: FinetuneConfig, display: Display) -> Iterator["CachedProbe | NetworkRun"]:
    """Yield the way of this run: PyTorch, which takes seconds to import, only where it is needed."""
    probe = CachedProbe.open(config)
    if probe is not None:
        yield probe
        return
    with display.stage("loading the backbone"), ending_at_once():
        from training.run.network_run import NetworkRun
    with NetworkRun.joined(config, display) as run:
        yield run


def _run(
    stages: "CachedProbe | NetworkRun",
    folder: Folder,
    config: FinetuneConfig,
    display: Display,
    *,
    costs: StageCosts,
    times: StageDurations,
) -> Path | None:
    method = stages.method
    if unused := describe_unused(config, method):
        display.warning(unused)
    teacher = open_teacher(config, folder.labels)
    with ExitStack() as caches, own_run_name(config, method, display) as run_name:
        choice_file = runs_folder(config) / f"{run_name}-backbone.json"
        prepared, config = stages.prepare(
            folder, config, display, budget=costs.budget, caches=caches, choice_file=choice_file
        )
        prepared = resolve_fit(prepared, config, display, budget=costs.budget, caches=caches)
        costs.saw(prepared.features)
        fitting = Fitting(
            prepared=prepared,
            config=config,
            display=display,
            costs=costs,
            run_name=run_name,
            answers=ask_teacher(teacher, prepared, config, caches, display),
        )
        selection = stages.fit(fitting)
        if config.dry_run:
            plan = describe_precisions(config, costs.precisions(prepared.dataset))
            for line in (*plan, "dry run: nothing was trained or published"):
                display.line(line)
        if selection is None or not is_main():
            return None
        display.line(f"publishing the {selection.chosen.title}")
        measured = measure_selected(selection, prepared, config, display, costs=costs)
        display.line("exporting and verifying the package")
        report = make_report(selection, prepared, measured, times)
        turn = publishing_turn(config.models_dir, config.publish_name, display)
        with _resumable(method, display), turn:
            default = decide_default(measured, config, display)
            with keeping_default(default, config, display):
                published = publish(measured, report, config, default, display)
        try:
            forget_run(config, run_name)
            choice_file.unlink(missing_ok=True)
            make_default(published, default, display)
            display.line(describe_cache(config.cache_dir or default_cache_dir()))
            describe_next_steps(published, default, display)
            _describe_end(measured.results.metrics, costs.budget, display)
        except KeyboardInterrupt as err:
            raise StoppedAfterPublishing(published) from err
        return published


@contextmanager
def _resumable(method: str, display: Display) -> Iterator[None]:
    """Say, where a model cannot be published, that its training is not lost."""
    try:
        yield
    except PackageError:
        if method != "probe":
            display.line("the training is saved: with room there, the same command publishes it")
        raise


def _describe_data(folder: Folder, config: FinetuneConfig, display: Display) -> None:
    """Say what the data were taken for; stop where that is not sure, or the name is another model's."""
    describe_folder(folder, display)
    describe_findings(folder, display)
    raise_errors(folder, all_in=audit_command(config))
    if config.title is not None:
        display.line(f"publishing {config.title!r} under the name {config.publish_name}")
    changes = compare_labels(
        config.models_dir, config.publish_name, folder.labels, name_given=config.name is not None
    )
    if changes is not None:
        describe_changes(changes, config.publish_name, display)


def _describe_end(metrics: Metrics, budget: TimeBudget, display: Display) -> None:
    """Say last what nobody should overlook."""
    if overrun := budget.describe_overrun():
        display.warning(overrun)
    kind = "test" if metrics.test is not None else "validation"
    if useless := not_better_than_guessing(metrics.test or metrics.val, kind):
        display.warning(useless)


def _check_writable(models_dir: Path, name: str) -> None:
    """Find out before an hour of training, not after it."""
    try:
        own = models_dir / name
        existing = next(p for p in (own, models_dir, *models_dir.absolute().parents) if p.exists())
        writable = existing.is_dir() and os.access(existing, os.W_OK | os.X_OK)
    except PermissionError:  # below a folder that may not even be entered
        writable = False
    if not writable:
        raise PackageError(
            f"cannot write to models folder {str(models_dir)!r}; choose another with --models-dir"
        )
