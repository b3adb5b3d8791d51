"""Read every image once: hash it, decode it with the service's own code, set bad ones aside.

The model's input pixels are kept in a memory-mapped file, so that a folder larger than memory works
and nothing is decoded twice.
"""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from inference.errors import ImageError
from inference.preprocessing import PreprocessSpec, prepare_image
from training.data.layout import Folder, ImageFile
from training.errors import DataError

_QUEUED_PER_THREAD = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedImage:
    """A readable image. `sha256` is of its bytes; `row` is its place in `Scan.pixels`."""

    file: ImageFile
    sha256: str
    row: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantined:
    """A file that is left out, with the reason. It stays where it is, unchanged."""

    file: ImageFile
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """All readable images of a folder. `pixels`: (N, H, W, 3) uint8 RGB, the model's input."""

    folder: Folder
    images: tuple[ScannedImage, ...]
    quarantined: tuple[Quarantined, ...]
    pixels: npt.NDArray[np.uint8]


def scan_folder(
    folder: Folder,
    spec: PreprocessSpec,
    *,
    pixels_file: Path,
    advance: Callable[[int], None] = lambda _: None,
) -> Scan:
    """Decode all files of a folder in threads, in order.

    Args:
        folder: what to read.
        spec: the model's preprocessing.
        pixels_file: where the memory-mapped pixels are written.
        advance: told the number of files done since the last call.

    Raises:
        DataError: a class has no readable image.
    """
    height, width = spec.crop_hw
    shape = (max(len(folder.files), 1), height, width, 3)
    pixels = np.memmap(pixels_file, dtype=np.uint8, mode="w+", shape=shape)
    images: list[ScannedImage] = []
    quarantined: list[Quarantined] = []
    for file, result in _read_all(folder.files, spec):
        if isinstance(result, str):
            quarantined.append(Quarantined(file=file, reason=result))
        else:
            sha256, prepared = result
            pixels[len(images)] = prepared
            images.append(ScannedImage(file=file, sha256=sha256, row=len(images)))
        advance(1)
    scan = Scan(folder=folder, images=tuple(images), quarantined=tuple(quarantined), pixels=pixels)
    _check_classes(scan)
    return scan


_Read = tuple[str, npt.NDArray[np.uint8]] | str


def _read_all(
    files: Sequence[ImageFile], spec: PreprocessSpec
) -> Iterator[tuple[ImageFile, _Read]]:
    """Read in threads (Pillow releases the GIL), with few images in memory at a time."""
    threads = os.cpu_count() or 1
    remaining = iter(files)
    with ThreadPoolExecutor(threads, thread_name_prefix="decode") as pool:
        queued: deque[tuple[ImageFile, Future[_Read]]] = deque(
            (file, pool.submit(_read, file.path, spec))
            for file in islice(remaining, threads * _QUEUED_PER_THREAD)
        )
        while queued:
            file, future = queued.popleft()
            yield file, future.result()
            for following in islice(remaining, 1):
                queued.append((following, pool.submit(_read, following.path, spec)))


def _read(path: Path, spec: PreprocessSpec) -> _Read:
    """Return the image's sha256 and pixels, or the reason why it cannot be used."""
    try:
        data = path.read_bytes()
        return hashlib.sha256(data).hexdigest(), prepare_image(data, spec).pixels
    except ImageError as err:
        return str(err)
    except OSError as err:
        return f"file cannot be read: {err.strerror}"


def _check_classes(scan: Scan) -> None:
    for split in scan.folder.given_splits or (None,):
        readable = {image.file.label for image in scan.images if image.file.split == split}
        for label in scan.folder.labels:
            if label not in readable:
                raise DataError(_empty_class_message(scan, label, split))


def _empty_class_message(scan: Scan, label: str, split: str | None) -> str:
    place = f"class {label!r}" + (f" in {split}/" if split else "")
    bad = [q for q in scan.quarantined if q.file.label == label and q.file.split == split]
    if not bad:
        return f"{place} has no images; add some or remove its folder"
    first = f"{scan.folder.relative(bad[0].file)!r}: {bad[0].reason}"
    return f"{place} has {len(bad)} files and none can be read; the first is {first}"
