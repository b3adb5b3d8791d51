"""One image of a source: its name in the rows, and how it is had."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from inference.errors import ImageError, UndecodableImage
from inference.image_file import read_image_file
from inference.preprocessing import PreparedImage


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One image to be answered.

    Attributes:
        name: what its row is called by: the path as given, or a place in an archive or a video.
        read: returns the encoded image, or pixels that are ready for the model. Raises ImageError, OSError
            or ValueError (a path that no system takes).
        file: the file that it is, where it is one of its own.
    """

    name: str
    read: Callable[[], bytes | PreparedImage]
    file: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Images one by one, the same ones in the same order each time.

    Attributes:
        items: starts from the first.
        count: how many there are; None where only the end tells. May take as long as reading all names.
    """

    items: Callable[[], Iterator[Item]]
    count: Callable[[], int | None]


def file_item(file: Path, name: str) -> Item:
    """Return an image file; whether it is there shows when it is read."""
    return Item(name=name, read=lambda: read_image_file(file), file=file)


def problem_item(name: str, problem: str) -> Item:
    """Return what stands in the place of an image that cannot be had."""
    return Item(name=name, read=lambda: _refuse(UndecodableImage(problem)))


def _refuse(error: ImageError) -> NoReturn:
    raise error
