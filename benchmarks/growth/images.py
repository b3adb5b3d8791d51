"""Folders of any size, of photos laid together from parts of real ones: no two equal, none a copy of another.

Each image is four parts of photos, cut out, turned over, relit and scaled at random. Two of them are of the
three photos that stand for its class, two of any.
"""

import io
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageOps

from inference.folder_tree import has_image_suffix

SIDE_PX: Final = 224
_PART_PX: Final = SIDE_PX // 2
# Of a photo in memory; its parts are smaller than that.
_PHOTO_PX: Final = 256
_OF_CLASS: Final = 3
_QUALITY: Final = 82
_SMALLEST_PART: Final = 0.35


def make_folder(
    folder: Path,
    photos: Sequence[Image.Image],
    *,
    images: int,
    classes: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Path:
    """Write so many images in so many classes of equal size; the same ones every time.

    It is written beside and renamed, so that a folder which is there is whole, and not made again.
    """
    if folder.is_dir():
        return folder
    begun = folder.with_name(f".{folder.name}-begun")
    shutil.rmtree(begun, ignore_errors=True)
    for label in range(classes):
        (begun / f"class-{label:04d}").mkdir(parents=True)
    for number in range(images):
        label = number % classes
        data = make_image(photos, label, number)
        (begun / f"class-{label:04d}" / f"{number:06d}.jpg").write_bytes(data)
        advance(1)
    begun.rename(folder)
    return folder


def read_photos(folders: Sequence[Path]) -> list[Image.Image]:
    """Return the photos below some folders, small, in the order of their paths."""
    paths = sorted(p for folder in folders for p in folder.rglob("*") if has_image_suffix(p.name))
    return [_small(path) for path in paths]


def make_image(photos: Sequence[Image.Image], label: int, number: int) -> bytes:
    """Return the JPEG file of one image."""
    of_class = np.random.default_rng([1, label]).choice(len(photos), _OF_CLASS, replace=False)
    rng = np.random.default_rng([2, label, number])
    chosen = [*rng.choice(of_class, 2), *rng.choice(len(photos), 2)]
    image = Image.new("RGB", (SIDE_PX, SIDE_PX))
    for place, which in enumerate(rng.permutation(chosen)):
        part = _part(photos[which], rng)
        image.paste(part, (place % 2 * _PART_PX, place // 2 * _PART_PX))
    file = io.BytesIO()
    image.save(file, "JPEG", quality=_QUALITY)
    return file.getvalue()


def _part(photo: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Return a square of a photo, (112, 112), mirrored or not, brighter or darker."""
    side = rng.uniform(_SMALLEST_PART, 1) * min(photo.size)
    left, top = rng.uniform(0, photo.width - side), rng.uniform(0, photo.height - side)
    part = photo.resize(
        (_PART_PX, _PART_PX), Image.Resampling.BILINEAR, (left, top, left + side, top + side)
    )
    if rng.random() < 0.5:
        part = ImageOps.mirror(part)
    gain = rng.uniform(0.7, 1.3)
    return part.point([min(round(value * gain), 255) for value in range(256)] * 3)


def _small(path: Path) -> Image.Image:
    with Image.open(path) as image:
        image.draft("RGB", (_PHOTO_PX, _PHOTO_PX))
        small = image.convert("RGB")
    small.thumbnail((2 * _PHOTO_PX, _PHOTO_PX))
    return small
