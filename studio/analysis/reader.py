"""The last analysis of a project, kept in memory while it is the one on the disk."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np

from studio.analysis.analysis_file import Analysis, ImageRow, read_analysis, stamp
from studio.errors import NotFound
from studio.projects.corrections import Correction
from training.runtime.arrays import Flags, Integers


@dataclass(frozen=True, slots=True)
class IndexedAnalysis:
    """An analysis with what is looked up in it again and again.

    `labels` (N,) are the classes when the folder was looked at; `rows` are the places of each content.
    """

    analysis: Analysis
    labels: Integers
    rows: Mapping[str, tuple[int, ...]]

    @classmethod
    def of(cls, analysis: Analysis) -> "IndexedAnalysis":
        """Index an analysis."""
        rows: dict[str, tuple[int, ...]] = {}
        for row, image in enumerate(analysis.images):
            rows[image.sha256] = (*rows.get(image.sha256, ()), row)
        labels = np.array([image.label for image in analysis.images], dtype=np.int64)
        return cls(analysis, labels, rows)


@dataclass(frozen=True)
class LabelledImages:
    """An analysis under the answers of the person.

    A label that is no class of the folder (somebody has edited the file) is -2, one left out -1.
    """

    indexed: IndexedAnalysis
    corrections: Mapping[str, Correction]

    @property
    def analysis(self) -> Analysis:
        """The analysis itself."""
        return self.indexed.analysis

    @cached_property
    def current(self) -> Integers:
        """The class of each row as it is now: (N,)."""
        number = {label: index for index, label in enumerate(self.analysis.labels)} | {"": -1}
        labels = self.indexed.labels.copy()
        for sha256, said in self.corrections.items():
            labels[list(self.indexed.rows.get(sha256, ()))] = number.get(said.label, -2)
        return labels

    @cached_property
    def answered(self) -> Flags:
        """Whether the person has said something about each image: (N,)."""
        answered = np.zeros(len(self.indexed.labels), dtype=np.bool_)
        for sha256 in self.corrections:
            answered[list(self.indexed.rows.get(sha256, ()))] = True
        return answered

    def is_answered(self, row: int) -> bool:
        """Whether the person has said something about an image."""
        return bool(self.answered[row])


class AnalysisReader:
    """Reads the analysis of one project again only where it has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._stamp: tuple[int, int] | None = None
        self._indexed: IndexedAnalysis | None = None

    @property
    def is_there(self) -> bool:
        """Whether the folder has been looked at."""
        return stamp(self._folder) is not None

    def indexed(self) -> IndexedAnalysis:
        """Return the analysis with its index.

        Raises:
            NotNow: there is none.
        """
        with self._lock:
            found = stamp(self._folder)
            if self._indexed is None or found != self._stamp:
                self._indexed = IndexedAnalysis.of(read_analysis(self._folder))
                self._stamp = found
            return self._indexed

    def read(self) -> Analysis:
        """Return the analysis.

        Raises:
            NotNow: there is none.
        """
        return self.indexed().analysis

    def row(self, sha256: str) -> int:
        """Return the place of an image; of equal files, the first.

        Raises:
            NotFound: the folder had no such image when it was looked at.
        """
        rows = self.indexed().rows.get(sha256)
        if rows is None:
            raise NotFound("this image was not in the folder when it was looked at; look again")
        return rows[0]

    def image(self, sha256: str) -> ImageRow:
        """Return an image by its content.

        Raises:
            NotFound: as `row`.
        """
        return self.read().images[self.row(sha256)]
