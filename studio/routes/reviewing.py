"""Questions, answers, and galleries of classes."""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from studio.analysis.reader import LabelledImages
from studio.context import OpenProject
from studio.errors import BadInput
from studio.projects.corrections import Correction
from studio.review.answers import LEFT_OUT, as_corrections
from studio.review.gallery import class_page
from studio.review.questions import KINDS, Kind, Question, open_questions, progress_of
from studio.routes.dependencies import Body, CurrentProject

router = APIRouter(prefix="/api/projects/{name}")

_AHEAD = 4
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Answer(Body):
    """What images are: a class, or "" to leave them out. `kind`: the question that it answers."""

    images: list[Sha256] = Field(min_length=1, max_length=10_000)
    label: str
    kind: Kind | Literal["gallery"]


class Said(Body):
    """What was said of an image before an answer, as `answer` returns it."""

    label: str
    note: str


class Undo(Body):
    """What was said before, to be said again; None where nothing was."""

    images: list[Sha256] = Field(min_length=1, max_length=10_000)
    before: list[Said | None]


@router.get("/questions/{kind}")
def questions(current: CurrentProject, kind: str) -> dict[str, Any]:
    """Return the next questions of a kind."""
    return _questions(current.images(), kind)


@router.post("/answers")
def answer(current: CurrentProject, given: Answer) -> dict[str, Any]:
    """Write an answer down, then return the next questions."""
    analysis = current.analysis.read()
    rows = [current.analysis.row(sha256) for sha256 in given.images]
    lines = as_corrections(analysis, rows, given.label, note=given.kind.replace("_", " "))
    before = current.corrections.put(*lines)
    said = [None if b is None else {"label": b.label, "note": b.note} for b in before]
    return {"before": said} | (
        _questions(current.images(), given.kind) if given.kind in KINDS else {}
    )


@router.post("/undo")
def undo(current: CurrentProject, given: Undo) -> dict[str, Any]:
    """Take answers back: what was said before is said again."""
    if len(given.before) != len(given.images):
        raise BadInput("an undo needs what was said before of each image")
    again = [_said_again(current, s, b) for s, b in zip(given.images, given.before, strict=True)]
    # Nothing is taken away that is said again: a full disk between the two would lose it.
    if lines := [line for line in again if line is not None]:
        current.corrections.put(*lines)
    if forgotten := [s for s, b in zip(given.images, given.before, strict=True) if b is None]:
        current.corrections.remove(*forgotten)
    return {}


@router.get("/gallery")
def gallery(
    current: CurrentProject,
    label: str,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 60,
) -> dict[str, Any]:
    """Return a page of a class, those first that are least like it."""
    images = current.images()
    page = class_page(images, label, offset=offset, limit=limit)
    return {"total": page.total, "images": [_tile(images, row) for row in page.rows]}


@router.get("/left-out")
def left_out(
    current: CurrentProject,
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 60,
) -> dict[str, Any]:
    """Return a page of the images that are left out, also those that were when the folder was looked at."""
    found = [c for c in current.corrections.read().values() if c.sha256 and c.label == LEFT_OUT]
    images = [{"sha256": c.sha256, "path": c.file_name} for c in found[offset : offset + limit]]
    return {"total": len(found), "images": images}


def _said_again(current: OpenProject, sha256: str, said: Said | None) -> Correction | None:
    if said is None:  # also of an image that the last look left out
        return None
    image = current.analysis.image(sha256)
    return Correction(file_name=image.path, sha256=sha256, label=said.label, note=said.note)


def _questions(images: LabelledImages, kind: str) -> dict[str, Any]:
    known = next((k for k in KINDS if k == kind), None)
    if known is None:
        raise BadInput(f"there are no questions of the kind {kind[:40]!r}; there are {KINDS}")
    asked = open_questions(images, known, limit=_AHEAD)
    return {
        "questions": [_question(images, question) for question in asked],
        "progress": asdict(progress_of(images, known)),
        "labels": images.analysis.labels,
    }


def _question(images: LabelledImages, question: Question) -> dict[str, Any]:
    labels = images.analysis.labels
    return {
        "image": _tile(images, question.row),
        "copies": [_tile(images, row) for row in question.copies],
        "label": labels[question.label],
        "guess": labels[question.guess],
        "confidence": round(question.confidence, 4),
        "like_label": [_tile(images, row) for row in question.like_label],
        "like_guess": [_tile(images, row) for row in question.like_guess],
    }


def _tile(images: LabelledImages, row: int) -> dict[str, Any]:
    image = images.analysis.images[row]
    said = images.corrections.get(image.sha256)
    return {
        "sha256": image.sha256,
        "path": image.path,
        "label": images.analysis.labels[image.label],
        "guess": images.analysis.labels[int(images.analysis.likeliest[row])],
        "confidence": round(float(images.analysis.confidence[row]), 4),
        "said": None if said is None else said.label,
    }
