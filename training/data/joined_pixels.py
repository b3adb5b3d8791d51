"""The images of two scans under one row of numbers."""

from typing import Protocol

from training.runtime.arrays import Pixels


class ImageByRow(Protocol):
    """What one image at a time is asked of."""

    def __len__(self) -> int:
        """Return the number of images."""

    def one(self, row: int) -> Pixels:
        """Return the (H, W, 3) uint8 image of a row."""


class JoinedPixels:
    """The images of `first`, and after them those of `second`."""

    def __init__(self, first: ImageByRow, second: ImageByRow) -> None:
        self._first = first
        self._second = second

    def __len__(self) -> int:
        return len(self._first) + len(self._second)

    def __getitem__(self, row: int) -> Pixels:
        """Return the (H, W, 3) uint8 image of a row."""
        return self.one(row)

    def one(self, row: int) -> Pixels:
        """Return the (H, W, 3) uint8 image of a row."""
        first = len(self._first)
        return self._first.one(row) if row < first else self._second.one(row - first)
