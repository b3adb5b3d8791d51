"""A project with a folder of coloured images that was looked at already, without a network."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

import numpy as np
from fastapi.testclient import TestClient

from studio.analysis.analysis_file import Analysis, ImageRow, Suspect, write_analysis
from studio.app import create_app
from studio.piles.pile_file import Pile, PileImage
from studio.projects.project import Project, open_project
from studio.settings import Settings
from tests.training.folders import write_class, write_classes
from training.data.finding import Finding

SECRET = "a-secret-of-this-studio"
HOST = "127.0.0.1:4711"


def looked_at(
    tmp_path: Path,
    labels: tuple[str, ...] = ("red", "green", "blue"),
    *,
    count: int = 6,
    in_doubt: int = 0,
) -> Project:
    """Return a project whose first image of each class looks like the next class.

    So do the last `in_doubt` images of the first class, with less certainty.
    """
    data = write_classes(tmp_path / "photos", labels, count=count)
    return with_analysis(data, labels, count=count, in_doubt=in_doubt)


def with_analysis(data: Path, labels: tuple[str, ...], *, count: int, in_doubt: int = 0) -> Project:
    """Return a project of a folder with `count` images a class, the models beside it."""
    project = open_project(data.parent / "models", data.resolve())
    files = [file for label in labels for file in sorted((data / label).iterdir())]
    rows = [_row(file, data, labels) for file in files]
    write_analysis(project.analysis_dir, _analysis(labels, rows, count, in_doubt))
    return project


def _row(file: Path, data: Path, labels: tuple[str, ...]) -> ImageRow:
    return ImageRow(
        path=file.relative_to(data).as_posix(),
        sha256=sha256(file.read_bytes()).hexdigest(),
        label=labels.index(file.parent.name),
        split=None,
        width_px=44,
        height_px=36,
    )


def _analysis(labels: tuple[str, ...], rows: list[ImageRow], count: int, in_doubt: int) -> Analysis:
    num = len(rows)
    likeliest = np.array([row.label for row in rows], np.int32)
    firsts = range(0, num, count)
    likeliest[count - in_doubt : count] = 1
    likeliest[firsts] = (likeliest[firsts] + 1) % len(labels)
    confidence = np.linspace(0.5, 0.9, num).astype(np.float32)
    confidence[firsts] = 0.01
    embeddings = np.eye(len(labels), 8, dtype=np.float16)[likeliest]
    return Analysis(
        labels=labels,
        images=tuple(rows),
        suspects=tuple(
            Suspect(row=row, suggested=int(likeliest[row]), score=0.01) for row in firsts
        ),
        conflicts=(),
        outliers=(),
        findings=(
            Finding(
                kind="suspect_labels",
                severity="warning",
                message=f"{len(labels)} possible label errors",
                next_step="look at them",
            ),
        ),
        unreadable=(),
        seconds=1.0,
        embedding_s=0.5,
        embeddings=embeddings,
        confidence=confidence,
        likeliest=likeliest,
        groups=np.arange(num, dtype=np.int32),
    )


def settings_of(project: Project, cache_dir: Path, keep_dir: Path) -> Settings:
    """Return the settings of a studio for a project."""
    return Settings(
        models_dir=project.models_dir,
        roots=(project.data.parent,),
        secret=SECRET,
        hosts=frozenset({HOST}),
        cache_dir=cache_dir,
        keep_dir=keep_dir,
    )


@contextmanager
def calling(
    project: Project, cache_dir: Path, *, keep_dir: Path = Path("none")
) -> Iterator[TestClient]:
    """Yield a program that has the secret."""
    app = create_app(settings_of(project, cache_dir, keep_dir))
    headers = {"authorization": f"Bearer {SECRET}"}
    with TestClient(app, base_url=f"http://{HOST}", headers=headers) as client:
        yield client


def pile_of_colours(folder: Path, *, count: int) -> Pile:
    """Write `count` photos of each of two colours into a folder, and return them as a pile."""
    files = [f for i in range(2) for f in write_class(folder / str(i), i, count=count, seed=5)]
    rng = np.random.default_rng(0)
    found = np.repeat(np.eye(2, 16), count, axis=0) + rng.normal(0, 0.05, (2 * count, 16))
    unit = (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16)
    return Pile(
        folder=str(folder),
        images=tuple(
            PileImage(
                path=file.relative_to(folder).as_posix(),
                sha256=sha256(file.read_bytes()).hexdigest(),
            )
            for file in files
        ),
        unreadable=(),
        labels=(),
        embeddings=unit,
        probabilities=np.zeros((len(files), 0), np.float32),
    )
