"""What is known of a pile, on the disk: written whole or not at all."""

import json
import os
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from inference.temporary_folder import temporary_folder
from studio.errors import NotNow

_TEXT: Final = "pile.json"
_ARRAYS: Final = "pile.npz"


@dataclass(frozen=True, slots=True, kw_only=True)
class PileImage:
    """A readable image; `path` below the folder."""

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pile:
    """N images without labels. Equal files are one image.

    Attributes:
        folder: a real path.
        unreadable: path and reason.
        labels: of the model that was asked, else none.
        embeddings: (N, D) float16, centred, of length 1.
        probabilities: (N, K) float32 by that model.
    """

    folder: str
    images: tuple[PileImage, ...]
    unreadable: tuple[tuple[str, str], ...]
    labels: tuple[str, ...]
    embeddings: npt.NDArray[np.float16]
    probabilities: npt.NDArray[np.float32]


def write_pile(into: Path, pile: Pile) -> None:
    """Put a pile in the place of the last one.

    Raises:
        OSError: the folder cannot be written.
    """
    into.mkdir(parents=True, exist_ok=True)
    text = {
        "folder": pile.folder,
        "images": [asdict(image) for image in pile.images],
        "unreadable": pile.unreadable,
        "labels": pile.labels,
    }
    with temporary_folder(into, ".pile-") as temporary:
        np.savez(temporary / _ARRAYS, embeddings=pile.embeddings, probabilities=pile.probabilities)
        (temporary / _TEXT).write_text(json.dumps(text, ensure_ascii=False), encoding="utf-8")
        for name in (_ARRAYS, _TEXT):
            os.replace(temporary / name, into / name)


def pile_stamp(folder: Path) -> tuple[int, int] | None:
    """Return what changes when another pile is written; None where there is none."""
    try:
        found = (folder / _TEXT).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def read_pile(folder: Path) -> Pile:
    """Read a pile.

    Raises:
        NotNow: there is none, or it is damaged.
    """
    try:
        text: dict[str, Any] = json.loads((folder / _TEXT).read_text(encoding="utf-8"))
        with np.load(folder / _ARRAYS, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in ("embeddings", "probabilities")}
        return Pile(
            folder=text["folder"],
            images=tuple(PileImage(**image) for image in text["images"]),
            unreadable=tuple(map(tuple, text["unreadable"])),
            labels=tuple(text["labels"]),
            **arrays,
        )
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as err:
        raise NotNow("no pile has been looked at yet; choose its folder") from err
