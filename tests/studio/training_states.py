"""What a training leaves on the disk, on its way and at its end."""

import json
import os
import time
from hashlib import sha256
from pathlib import Path

from studio.processes.process_identity import started_at
from studio.projects.project import Project


def write_running_run(project: Project, guesses: list[tuple[str, str]], images: list[Path]) -> None:
    """Leave what a training leaves on its way; this very process stands for it."""
    details = {"choice": "ten_minutes", "expected_s": 600, "before": None, "held": False}
    job = {
        "command": [],
        "pid": os.getpid(),
        "process_started": started_at(os.getpid()),
        "began": time.time() - 60,
        "details": details,
    }
    shown = [(sha256(image.read_bytes()).hexdigest(), image.parent.name) for image in images]
    events: list[dict[str, object]] = [
        {"event": "stage", "stage": "training", "done": 5, "of": 10, "seconds_left": 30.0},
        *(
            {"event": "validation", "step": 5 * step, "val_accuracy": 0.5 + step / 10}
            for step in (1, 2)
        ),
        *(
            {
                "event": "examples",
                "step": 5 * at,
                "images": [
                    {"sha256": digest, "label": label, "guess": guess[at], "path": ""}
                    for (digest, label), guess in zip(shown, guesses, strict=True)
                ],
            }
            for at in (0, 1)
        ),
    ]
    write_job(project, job, events)


def write_job(project: Project, job: dict[str, object], events: list[dict[str, object]]) -> None:
    project.training_dir.mkdir(exist_ok=True)
    (project.training_dir / "job.json").write_text(json.dumps(job))
    (project.training_dir / "events.jsonl").write_text(
        "".join(f"{json.dumps(e)}\n" for e in events)
    )


def write_finished_run(project: Project, image: Path, wrong: str, *, before: int, new: int) -> None:
    """Leave what a training and a comparison leave: the version before took an image for `wrong`."""
    details = {"choice": "minute", "expected_s": 60, "before": before, "held": True}
    job: dict[str, object] = {
        "command": [],
        "pid": 999999999,
        "process_started": "1",
        "began": 0,
        "details": details,
    }
    events: list[dict[str, object]] = [
        {"event": "published", "folder": f"models/{project.name}/{new}"},
        {"event": "end", "exit_code": 0},
    ]
    changed = {
        "path": image.name,
        "sha256": sha256(image.read_bytes()).hexdigest(),
        "label": image.parent.name,
        "before": wrong,
        "new": image.parent.name,
    }
    comparison = {
        "verdict": "better",
        "part": "test",
        "images": 40,
        "before": {"version": before, "accuracy": 0.7, "nll": 0.9},
        "new": {"version": new, "accuracy": 0.9, "nll": 0.4},
        "only_new_right": 9,
        "only_before_right": 1,
        "interval": [0.05, 0.35],
        "p_value": 0.021,
        "changed": [changed],
    }
    write_job(project, job, events)
    (project.training_dir / "comparison.json").write_text(json.dumps(comparison))
