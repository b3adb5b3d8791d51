"""Training: the choices, how far it is, what came of it, and the decision."""

import time
from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from studio.routes.dependencies import Body, CurrentProject
from studio.training_runs.choices import Choice, estimate_choices
from studio.training_runs.live_events import last_curve, watched_images
from studio.training_runs.training_run import Decision, TrainingRun

router = APIRouter(prefix="/api/projects/{name}/training")

_LAST_MESSAGES = 12


class Start(Body):
    """How long to train."""

    choice: Choice


class Decide(Body):
    """Whether the new version answers from now on."""

    decision: Decision


@router.get("")
def state(current: CurrentProject) -> dict[str, Any]:
    """Say how far the training is, or what came of the last one."""
    run = current.training
    run.settle()
    events, record, details = run.job.events, run.job.record, run.details
    stages = [event for event in events if event["event"] == "stage"]
    words = [event for event in events if event["event"] in ("message", "warning")]
    known = current.analysis.indexed().rows if current.analysis.is_there else {}
    state = run.state
    comparison = run.comparison() if state == "done" else None
    return {
        "state": state,
        "choice": details.choice if details else None,
        "expected_s": details.expected_s if details else None,
        "left_s": _left_s(run) if state == "running" else None,
        "elapsed_s": time.time() - record.began if record and state == "running" else None,
        "stage": stages[-1] if stages else None,
        "curve": last_curve(events),
        "examples": [asdict(e) for e in watched_images(events) if e.sha256 in known],
        "words": words[-_LAST_MESSAGES:],
        "problem": run.job.last_words if state == "failed" else None,
        "published": run.published,
        "before": details.before if details else None,
        "default": run.default_version(),
        "comparison": comparison,
        "comparing": state == "done" and comparison is None and run.comparing.state == "running",
    }


def _left_s(run: TrainingRun) -> float:
    """Return the seconds left: what was expected, or what the stage that runs says where that is more."""
    record, details = run.job.record, run.details
    if record is None or details is None:
        return 0.0
    stages = [event for event in run.job.events if event["event"] == "stage"]
    of_stage = (stages[-1]["seconds_left"] if stages else None) or 0.0
    return max(0.0, details.expected_s - (time.time() - record.began), of_stage)


@router.get("/choices")
def choices(current: CurrentProject) -> list[dict[str, Any]]:
    """Return the choices: the seconds that each takes here, and what it will probably bring."""
    return [asdict(choice) for choice in estimate_choices(current.images())]


@router.post("", status_code=202)
def start(current: CurrentProject, given: Start) -> None:
    """Start a training."""
    times = {c.choice: c.seconds for c in estimate_choices(current.images())}
    has_answers = bool(current.corrections.read())
    labels = current.corrections.file if has_answers else None
    current.training.start(given.choice, expected_s=times[given.choice], labels=labels)


@router.delete("", status_code=202)
def stop(current: CurrentProject) -> None:
    """Stop the training; it can go on from there."""
    current.training.job.stop()


@router.post("/decision")
def decide(current: CurrentProject, given: Decide) -> None:
    """Publish the new version, or keep the one before."""
    current.training.decide(given.decision)
