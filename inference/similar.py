"""The training images nearest to an image: an index of embeddings that may stand in the package.

`similar.npy` holds one embedding of length 1 a row, (M, D) float16; `similar.json` says which image each
is of. Nothing reads them unless asked. The images themselves are not in the package.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from inference.errors import PackageError
from inference.files import file_within, read_regular_file
from inference.strictjson import from_json, parse_json, to_json

VECTORS_FILE: Final = "similar.npy"
IMAGES_FILE: Final = "similar.json"

# Far above what training writes; a package from elsewhere is not to fill the memory.
_MAX_VECTORS_BYTES: Final = 256 * 2**20
_MAX_IMAGES_BYTES: Final = 16 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexedImage:
    """A training image: its path below the data folder, for people to read, and its label."""

    path: str
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarImage:
    """A training image and the cosine between its embedding and that of an answer, -1..1."""

    image: IndexedImage
    cosine: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _ImageList:
    """The content of `similar.json`."""

    images: tuple[IndexedImage, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarIndex:
    """Embeddings of M images, (M, D) float16 with rows of length 1, and the images, in order."""

    vectors: npt.NDArray[np.float16]
    images: tuple[IndexedImage, ...]

    @classmethod
    def build(
        cls, embeddings: npt.NDArray[np.float32], images: Sequence[IndexedImage]
    ) -> "SimilarIndex":
        """Make an index of embeddings (M, D) and their images."""
        return cls(vectors=_unit(embeddings).astype(np.float16), images=tuple(images))

    def nearest(self, embedding: npt.NDArray[np.float32], count: int) -> list[SimilarImage]:
        """Return the `count` images nearest to an embedding (D,), the nearest first.

        Raises:
            PackageError: the index is of embeddings of another length.
        """
        if embedding.shape != self.vectors.shape[1:]:
            raise PackageError(
                f"{VECTORS_FILE} holds embeddings of {self.vectors.shape[1]} numbers, the model answers "
                f"with {len(embedding)}; publish the model again"
            )
        cosines = self.vectors.astype(np.float32) @ _unit(embedding[np.newaxis])[0]
        order = np.argsort(-cosines, kind="stable")[:count]
        return [SimilarImage(image=self.images[i], cosine=float(cosines[i])) for i in order]


def write_index(folder: Path, index: SimilarIndex) -> None:
    """Write an index into the package `folder`."""
    np.save(folder / VECTORS_FILE, index.vectors, allow_pickle=False)
    text = json.dumps(to_json(_ImageList(images=index.images)), ensure_ascii=False)
    (folder / IMAGES_FILE).write_text(text, encoding="utf-8")


def read_index(folder: Path) -> SimilarIndex:
    """Read the index of the package in `folder`.

    Raises:
        PackageError: there is none, or it is damaged, too large or no index.
    """
    vectors_file, images_file = (file_within(folder, x) for x in (VECTORS_FILE, IMAGES_FILE))
    if not vectors_file.is_file() or not images_file.is_file():
        raise PackageError(
            "the model has no index of its training images; it was published with --no-similar or is "
            "a bare model file"
        )
    for file, limit in ((vectors_file, _MAX_VECTORS_BYTES), (images_file, _MAX_IMAGES_BYTES)):
        if file.stat().st_size > limit:
            raise PackageError(f"{file.name} is above {limit // 2**20} MiB; publish again")
    try:
        # Mapped: the header is checked before anything is read. Takes neither pickles nor archives.
        mapped = np.lib.format.open_memmap(vectors_file, mode="r")
        listed = from_json(
            _ImageList,
            parse_json(read_regular_file(folder, IMAGES_FILE, max_bytes=_MAX_IMAGES_BYTES)),
            where=IMAGES_FILE,
        )
    except (OSError, ValueError, EOFError) as err:
        raise PackageError(f"{VECTORS_FILE} or {IMAGES_FILE} is damaged; publish again") from err
    if mapped.dtype != np.float16 or mapped.ndim != 2 or len(mapped) != len(listed.images):
        raise PackageError(f"{VECTORS_FILE} does not fit {IMAGES_FILE}; publish again")
    vectors = np.array(mapped)
    if not np.isfinite(vectors).all():
        raise PackageError(f"{VECTORS_FILE} holds NaN or infinity; publish again")
    return SimilarIndex(vectors=vectors, images=listed.images)


def _unit(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = (vectors / lengths.clip(min=1e-12)).astype(np.float32)
    return unit
