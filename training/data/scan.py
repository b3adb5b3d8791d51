"""Read every file once: hash it, decode it with the service's own code, set bad ones aside.

What was decoded before, in this run or another, is taken from the cache: the second run on an
unchanged folder decodes nothing.
"""

import hashlib
import os
import zlib
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from inference.errors import ImageError, ImageTooLarge
from inference.image_file import read_image_file
from training.data.cache import PixelCache, Place, default_cache_dir
from training.data.folder import Folder, ImageFile
from training.data.image_facts import FACTS_VERSION, ImageFacts, facts_from_json, gather_facts
from training.data.too_large import NeededLimits, needed_limits
from training.data.views import Views
from training.errors import DataError
from training.runtime.arrays import Integers, Pixels

_QUEUED_PER_THREAD: Final = 4
# A file of a few kB is read in less time than threads take to hand it over.
_FILES_PER_TASK: Final = 8
_NUMBERS: Final = len(Place._fields)
# A fact of a content that cannot be decoded: the reason, after this mark.
_REFUSED: Final = "refused: "


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedImage:
    """A readable image. `sha256` is of its bytes; `row` is its place in `Scan.images` and pixels."""

    file: ImageFile
    sha256: str
    row: int
    facts: ImageFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableFile:
    """A file that is left out, with the reason. It stays where it is, unchanged.

    `needs` are the limits that would admit it, None where it is not too large.
    """

    file: ImageFile
    reason: str
    needs: NeededLimits | None = None


class StoredPixels:
    """One view of many images, read from the cache when asked for: `pixels[rows]`.

    `places` are the numbers of each image's `Place`, one after another: 40 bytes an image. What the cache
    had no room for is made anew by `decode(row)` each time.
    """

    def __init__(
        self, cache: PixelCache, places: "array[int]", decode: Callable[[int], Pixels]
    ) -> None:
        self._cache = cache
        self._places = places
        self._decode = decode

    def __len__(self) -> int:
        return len(self._places) // _NUMBERS

    def __getitem__(self, rows: "int | Integers") -> Pixels:
        """Return (M, H, W, 3) uint8 for row numbers (M,), or (H, W, 3) for one number."""
        if isinstance(rows, int):
            return self.one(rows)
        return np.stack([self.one(int(row)) for row in rows])

    def one(self, row: int) -> Pixels:
        """Return the (H, W, 3) uint8 image of a row."""
        if not 0 <= row < len(self):
            raise IndexError(f"row {row} of {len(self)} images")
        start = row * _NUMBERS
        place = Place(*self._places[start : start + _NUMBERS])
        return self._cache.read(place) if place.kept else self._made_anew(row, place)

    def _made_anew(self, row: int, place: Place) -> Pixels:
        """Decode a file again.

        Raises:
            DataError: it is not what it was.
        """
        pixels = self._decode(row)
        if zlib.crc32(np.ascontiguousarray(pixels).tobytes()) != place.checksum:
            raise DataError(
                "a photo has changed during the run, and the cache had no room to keep what it was; make "
                "room, or choose another folder with --cache-dir, and start the run again"
            )
        return pixels


# What code takes that only looks rows up: kept pixels, or an array of them, (N, H, W, 3) uint8.
PixelRows = StoredPixels | Pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """All readable images of a folder, in order.

    `evaluation` holds what the served model is fed; `training` whole images, or None where the scan
    was not for training.
    """

    folder: Folder
    images: tuple[ScannedImage, ...]
    unreadable: tuple[UnreadableFile, ...]
    evaluation: StoredPixels
    training: StoredPixels | None


@contextmanager
def open_cache(folder: Path | None, views: Views) -> Iterator[PixelCache]:
    """Open the pixel cache in `folder`, or in the user's cache folder, for a scan into `views`.

    Raises:
        DataError: the folder cannot be written.
    """
    cache = PixelCache.open(
        folder or default_cache_dir(), views=views.names, facts_version=FACTS_VERSION
    )
    try:
        yield cache
    finally:
        cache.close()


def scan_folder(
    folder: Folder,
    views: Views,
    cache: PixelCache,
    *,
    advance: Callable[[int], None] = lambda _: None,
    may_lack_classes: bool = False,
) -> Scan:
    """Hash all files in threads, decode those that the cache does not know, in order.

    Args:
        folder: what to read.
        views: what to make of each image.
        cache: where pixels and facts are kept; opened for `views.names`.
        advance: called with the number of files done since the last call.
        may_lack_classes: go on where a class has no readable image, to report what there is.

    Raises:
        DataError: a class has no readable image.
    """
    images: list[ScannedImage] = []
    unreadable: list[UnreadableFile] = []
    places = [array("q") for _ in views.names]
    for file, read in _read_all(folder.files, views, cache):
        found = read.places
        if isinstance(read, _Decoded):  # unless an equal file was, meanwhile
            found = cache.find(read.sha256, views.names) or cache.put(
                read.sha256, read.fact, read.pixels
            )
        if read.fact.startswith(_REFUSED):
            reason = read.fact.removeprefix(_REFUSED)
            unreadable.append(UnreadableFile(file=file, reason=reason, needs=read.needs))
        else:
            facts = facts_from_json(read.fact)
            images.append(ScannedImage(file=file, sha256=read.sha256, row=len(images), facts=facts))
            for numbers, place in zip(places, found, strict=True):
                numbers.extend(place)
        advance(1)
    cache.commit()
    stored = [
        StoredPixels(cache, numbers, partial(_decode_again, images, views, view))
        for view, numbers in zip(views.names, places, strict=True)
    ]
    scan = Scan(
        folder=folder,
        images=tuple(images),
        unreadable=tuple(unreadable),
        evaluation=stored[0],
        training=stored[1] if views.for_training else None,
    )
    if not may_lack_classes:
        _check_classes(scan)
    return scan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A file whose content the cache knows, or that could not be read at all."""

    sha256: str
    fact: str
    places: Sequence[Place] = ()
    needs: NeededLimits | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decoded(_Known):
    pixels: dict[str, Pixels]


def _read_all(
    files: Sequence[ImageFile], views: Views, cache: PixelCache
) -> Iterator[tuple[ImageFile, _Known]]:
    """Read in threads (Pillow releases the GIL), with few images in memory at a time."""
    threads = os.cpu_count() or 1
    remaining = iter(files)
    chunks = iter(lambda: list(islice(remaining, _FILES_PER_TASK)), [])

    def read_chunk(chunk: Sequence[ImageFile]) -> list[_Known]:
        return [_read(file.path, views, cache) for file in chunk]

    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        queued: deque[tuple[Sequence[ImageFile], Future[list[_Known]]]] = deque(
            (chunk, pool.submit(read_chunk, chunk))
            for chunk in islice(chunks, threads * _QUEUED_PER_THREAD)
        )
        while queued:
            chunk, future = queued.popleft()
            yield from zip(chunk, future.result(), strict=True)
            for following in islice(chunks, 1):
                queued.append((following, pool.submit(read_chunk, following)))


def _read(path: Path, views: Views, cache: PixelCache) -> _Known:
    try:
        data = read_image_file(path, max_bytes=views.limits.max_bytes)
    except ImageError as err:
        return _Known(sha256="", fact=f"{_REFUSED}{err}")
    except OSError as err:
        return _Known(sha256="", fact=f"{_REFUSED}file cannot be read: {err.strerror}")
    sha256 = hashlib.sha256(data).hexdigest()
    fact, places = cache.look_up(sha256, views.names)
    if fact is not None and fact.startswith(_REFUSED):
        return _Known(sha256=sha256, fact=fact)
    if fact is not None and places is not None:
        return _Known(sha256=sha256, fact=fact, places=places)
    try:
        decoded = views.decode(data)
    except ImageError as err:
        return _refusal(sha256, err, path)
    fact = gather_facts(decoded).to_json()
    return _Decoded(sha256=sha256, fact=fact, pixels=views.make(decoded))


def _refusal(sha256: str, err: ImageError, path: Path) -> _Known:
    fact = f"{_REFUSED}{err}"
    if isinstance(err, ImageTooLarge):  # another run may have other limits
        return _Known(sha256=sha256, fact=fact, needs=needed_limits(err, path))
    return _Decoded(sha256=sha256, fact=fact, pixels={})


def _decode_again(images: Sequence[ScannedImage], views: Views, view: str, row: int) -> Pixels:
    """Return one view of an image that was read before.

    Raises:
        DataError: it can no longer be read.
    """
    path = images[row].file.path
    try:
        decoded = views.decode(read_image_file(path, max_bytes=views.limits.max_bytes))
    except (ImageError, OSError) as err:
        raise DataError(
            f"{path.name!r} can no longer be read, and the cache had no room to keep it; put it back, or "
            "make room, and start the run again"
        ) from err
    return views.make(decoded)[view]


def _check_classes(scan: Scan) -> None:
    for split in scan.folder.given_splits or (None,):
        readable = {image.file.label for image in scan.images if image.file.split == split}
        for label in scan.folder.labels:
            if label not in readable:
                raise DataError(_empty_class_message(scan, label, split))


def _empty_class_message(scan: Scan, label: str, split: str | None) -> str:
    place = f"class {label!r}" + (f" in {split}/" if split else "")
    bad = [q for q in scan.unreadable if q.file.label == label and q.file.split == split]
    if not bad:
        return f"{place} has no images; add some or remove its folder"
    options = f", or add {bad[0].needs.options}" if bad[0].needs else ""
    first = f"{scan.folder.relative(bad[0].file)!r}: {bad[0].reason}{options}"
    return f"{place} has {len(bad)} files and none can be used; the first is {first}"
