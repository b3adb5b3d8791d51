"""Looking at a folder: how far it is, and what was found."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter

from studio.review.answers import LEFT_OUT
from studio.review.gallery import count_classes
from studio.review.questions import KINDS, progress_of
from studio.routes.dependencies import CurrentProject, Studio

router = APIRouter(prefix="/api/projects/{name}")


@router.get("/looking")
def state(current: CurrentProject) -> dict[str, Any]:
    """Say whether the folder is being looked at, and how far that is."""
    job = current.looking
    stages = [event for event in job.events if event["event"] == "stage"]
    return {
        "state": job.state,
        "stage": stages[-1] if stages else None,
        "problem": job.last_words if job.state == "failed" else None,
        "data": str(current.project.data),
        "is_there": current.project.is_there(),
        "looked": current.analysis.is_there,
    }


@router.post("/looking", status_code=202)
def look(current: CurrentProject, studio: Studio) -> None:
    """Look at the folder, again where it has been looked at."""
    current.look(studio.settings)


@router.delete("/looking", status_code=202)
def stop(current: CurrentProject) -> None:
    """Stop looking."""
    current.looking.stop()


@router.get("/findings")
def findings(current: CurrentProject) -> dict[str, Any]:
    """Return what was found, the costliest first, and the classes."""
    images = current.images()
    analysis = images.analysis
    return {
        "images": len(analysis.images),
        "findings": [asdict(finding) for finding in analysis.findings],
        "unreadable": [{"path": p, "reason": why} for p, why in analysis.unreadable[:200]],
        "questions": {kind: asdict(progress_of(images, kind)) for kind in KINDS},
        "classes": [asdict(count) for count in count_classes(images)],
        "corrections": len(images.corrections),
        "left_out": sum(
            bool(said.sha256) and said.label == LEFT_OUT for said in images.corrections.values()
        ),
        "corrections_file": str(current.corrections.file),
    }
