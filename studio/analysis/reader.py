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
from training.runtime.arrays import Integers


@dataclass(frozen=True)
class LabelledImages:
    """An analysis under the answers of the person.

    A label that is no class of the folder (somebody has edited the file) is -2, one left out -1.
    """

    analysis: Analysis
    corrections: Mapping[str, Correction]

    @cached_property
    def current(self) -> Integers:
        """The class of each row as it is now: (N,)."""
        number = {label: index for index, label in enumerate(self.analysis.labels)} | {"": -1}
        labels = np.array([image.label for image in self.analysis.images], dtype=np.int64)
        for row, image in enumerate(self.analysis.images):
            said = self.corrections.get(image.sha256)
            if said is not None:
                labels[row] = number.get(said.label, -2)
        return labels

    def is_answered(self, row: int) -> bool:
        """Whether the person has said something about an image."""
        return self.analysis.images[row].sha256 in self.corrections


class AnalysisReader:
    """Reads the analysis of one project again only where it has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._stamp: tuple[int, int] | None = None
        self._analysis: Analysis | None = None
        self._rows: dict[str, int] = {}

    @property
    def is_there(self) -> bool:
        """Whether the folder has been looked at."""
        return stamp(self._folder) is not None

    def read(self) -> Analysis:
        """Return the analysis.

        Raises:
            NotNow: there is none.
        """
        with self._lock:
            found = stamp(self._folder)
            if self._analysis is None or found != self._stamp:
                self._analysis = read_analysis(self._folder)
                self._stamp = found
                # Of equal files, the first.
                rows = reversed(list(enumerate(self._analysis.images)))
                self._rows = {image.sha256: row for row, image in rows}
            return self._analysis

    def row(self, sha256: str) -> int:
        """Return the place of an image.

        Raises:
            NotFound: the folder had no such image when it was looked at.
        """
        self.read()
        row = self._rows.get(sha256)
        if row is None:
            raise NotFound("this image was not in the folder when it was looked at; look again")
        return row

    def image(self, sha256: str) -> ImageRow:
        """Return an image by its content.

        Raises:
            NotFound: as `row`.
        """
        return self.read().images[self.row(sha256)]
