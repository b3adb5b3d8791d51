"""Images without a label (--unlabelled), but for copies of those that have one."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from training.audit.duplicates import find_duplicates
from training.data.cache import PixelCache
from training.data.folder import ImageFile
from training.data.joined_pixels import JoinedPixels
from training.data.place import look_at
from training.data.scan import Scan, ScannedImage, scan_folder
from training.data.views import Views
from training.errors import DataError
from training.probing.embeddings import compute_embeddings
from training.probing.features import Features
from training.runtime.arrays import Floats, Integers
from training.runtime.progress import Display


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class UnlabelledImages:
    """Those that may be learnt from: a scan, their rows in it (U,) and their embeddings (U, D)."""

    scan: Scan
    rows: Integers
    embeddings: Floats

    @property
    def images(self) -> list[ScannedImage]:
        """The images at `rows`."""
        return [self.scan.images[row] for row in self.rows]


def find_images(folder: Path) -> list[Path]:
    """Return the image files of a folder without labels.

    Raises:
        DataError: it is missing, may not be read, or has none.
    """
    files = list(look_at(folder, name="--unlabelled: folder", give="a folder of images").images())
    if not files:
        raise DataError(f"--unlabelled: folder {str(folder)!r} has no images")
    return files


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlabelledReader:
    """Reads unlabelled images beside those that have a label: `known`, with their `features`."""

    known: Scan
    features: Features
    views: Views
    cache: PixelCache

    def read(self, folder: Path, display: Display) -> UnlabelledImages:
        """Read a folder, and leave copies out: of each other, and of any image that has a label.

        The student is validated and tested on images that have one; the teacher's answer for a copy, byte
        for byte or altered, would give it away.

        Raises:
            DataError: the folder cannot be read, or nothing is left of it.
        """
        files = tuple(ImageFile(path=path, label="", split=None) for path in find_images(folder))
        listed = replace(
            self.known.folder, root=folder, files=files, labels=(), given_splits=(), unknown=()
        )
        with display.bar("reading unlabelled images", len(files)) as advance:
            scan = scan_folder(listed, self.views, self.cache, advance=advance)
        if not scan.images:
            raise DataError(f"--unlabelled: no image in {str(folder)!r} can be read")
        rows = np.arange(len(scan.images))
        trunk = self.features.trunk
        with display.bar("computing features of unlabelled images", len(rows)) as advance:
            embeddings = compute_embeddings(trunk, scan.evaluation, rows, advance=advance)
        copies = _copies(self.known, self.features.embeddings, scan, embeddings)
        kept = np.array([row for row in rows if row not in copies], dtype=np.int64)
        _describe(scan, len(copies), display)
        if not len(kept):
            raise DataError(
                f"all {len(copies)} images of --unlabelled {str(folder)!r} are copies of images that have "
                "a label: there is nothing to learn from them"
            )
        return UnlabelledImages(scan=scan, rows=kept, embeddings=embeddings[kept])


def _copies(known: Scan, known_embeddings: Floats, scan: Scan, embeddings: Floats) -> set[int]:
    """Return the rows of unlabelled images that show what a labelled one shows, or one before them."""
    first = len(known.images)
    moved = [replace(image, row=first + image.row) for image in scan.images]
    found = find_duplicates(
        [*known.images, *moved],
        np.concatenate([known_embeddings, embeddings]),
        JoinedPixels(known.evaluation, scan.evaluation),
    )
    return {
        row - first
        for group in found.every
        for row in (group if group[0] < first else group[1:])
        if row >= first
    }


def _describe(scan: Scan, copies: int, display: Display) -> None:
    text = f"{len(scan.images) - copies} unlabelled images"
    if copies:
        text += f"; {copies} more are copies, of each other or of images that have a label, and left out"
    if scan.unreadable:
        first = scan.unreadable[0]
        text += (
            f"; {len(scan.unreadable)} cannot be read ({first.file.path.name!r}: {first.reason})"
        )
    display.line(text)
