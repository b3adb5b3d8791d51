"""What is known of a folder, on the disk: `analysis.json` and `arrays.npz`, written whole or not at all."""

import json
import os
import zipfile
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from inference.temporary_folder import temporary_folder
from studio.errors import NotNow
from training.data.finding import Finding

_TEXT: Final = "analysis.json"
_ARRAYS: Final = "arrays.npz"
# Raised when the content changes: an older analysis is made again.
VERSION: Final = 1
_ARRAY_NAMES: Final = ("embeddings", "confidence", "likeliest", "groups")


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRow:
    """A readable image. `label` is an index; `path` below the folder."""

    path: str
    sha256: str
    label: int
    split: str | None
    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """An image that looks like class `suggested`; `score` 0..1 is the probability of its own label."""

    row: int
    suggested: int
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """A folder that was looked at. Rows are places in `images`, N of them.

    Attributes:
        suspects: the most suspect first.
        conflicts: groups of rows that show one photo under more than one label.
        outliers: the farthest from their class first.
        unreadable: path and reason.
        seconds, embedding_s: what looking took, and the embeddings of all images alone.
        embeddings: (N, D) float16, centred, of length 1.
        confidence: (N,) float32, the probability of an image's own label.
        likeliest: (N,) int32, the class that it looks like.
        groups: (N,) int32; copies of one photo share a number.
    """

    labels: tuple[str, ...]
    images: tuple[ImageRow, ...]
    suspects: tuple[Suspect, ...]
    conflicts: tuple[tuple[int, ...], ...]
    outliers: tuple[int, ...]
    findings: tuple[Finding, ...]
    unreadable: tuple[tuple[str, str], ...]
    seconds: float
    embedding_s: float
    embeddings: npt.NDArray[np.float16]
    confidence: npt.NDArray[np.float32]
    likeliest: npt.NDArray[np.int32]
    groups: npt.NDArray[np.int32]


def write_analysis(folder: Path, analysis: Analysis) -> None:
    """Put an analysis in the place of the last one.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(folder.parent, ".analysis-") as temporary:
        arrays = {name: getattr(analysis, name) for name in _ARRAY_NAMES}
        np.savez(temporary / _ARRAYS, **arrays)
        text = {f.name: getattr(analysis, f.name) for f in fields(analysis)}
        text = {name: value for name, value in text.items() if name not in _ARRAY_NAMES}
        text |= {
            "version": VERSION,
            "images": [list(asdict(image).values()) for image in analysis.images],
            "suspects": [asdict(suspect) for suspect in analysis.suspects],
            "findings": [asdict(finding) for finding in analysis.findings],
        }
        (temporary / _TEXT).write_text(json.dumps(text, ensure_ascii=False), encoding="utf-8")
        folder.mkdir(exist_ok=True)
        for name in (_ARRAYS, _TEXT):
            os.replace(temporary / name, folder / name)


def stamp(folder: Path) -> tuple[int, int] | None:
    """Return what changes when another analysis is written; None where there is none."""
    try:
        found = (folder / _TEXT).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def read_analysis(folder: Path) -> Analysis:
    """Read an analysis.

    Raises:
        NotNow: there is none, or it is damaged or of an older studio.
    """
    try:
        text: dict[str, Any] = json.loads((folder / _TEXT).read_text(encoding="utf-8"))
        with np.load(folder / _ARRAYS, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in _ARRAY_NAMES}
        if text.pop("version") != VERSION:
            raise ValueError("of another version")
        names = [field.name for field in fields(ImageRow)]
        text |= {
            "labels": tuple(text["labels"]),
            "images": tuple(
                ImageRow(**dict(zip(names, row, strict=True))) for row in text["images"]
            ),
            "suspects": tuple(Suspect(**suspect) for suspect in text["suspects"]),
            "conflicts": tuple(map(tuple, text["conflicts"])),
            "outliers": tuple(text["outliers"]),
            "findings": tuple(Finding(**finding) for finding in text["findings"]),
            "unreadable": tuple(map(tuple, text["unreadable"])),
        }
        return Analysis(**text, **arrays)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as err:
        raise NotNow("the folder has not been looked at yet; look at it first") from err
