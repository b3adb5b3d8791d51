"""A copy of an image folder with known faults in it, so that one can count which are found."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import cycle
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from training.data.folder import Folder, ImageFile
from training.data.layout import read_folder

CORRUPT_KINDS: Final = ("truncated", "zero_byte", "html_as_jpg")
NEAR_KINDS: Final = ("jpeg_q40", "crop_80", "mirrored", "brightness")
COPY_KINDS: Final = ("exact_copy", *NEAR_KINDS, "other_split")
KINDS: Final = (*CORRUPT_KINDS, *COPY_KINDS, "swapped_label")
LEAK_KINDS: Final = ("exact_copy", "jpeg_q40", "crop_80", "mirrored")

TRUTH_FILE: Final = "planted.json"
_HTML: Final = b"<!DOCTYPE html><html><head><title>404 Not Found</title></head></html>\n"
_CROP_SIDE: Final = 0.8
_SAVED_QUALITY: Final = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One planted fault; paths are relative to the folder.

    `source` is the image that a copy was made of, or where a swapped image lay before. For a file
    that was damaged in its place it is `path` itself.
    """

    kind: str
    path: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Everything that was planted, reproducible from the folder, `seed` and `share`."""

    seed: int
    share: float
    faults: tuple[Fault, ...]

    def of(self, *kinds: str) -> tuple[Fault, ...]:
        """Return the faults of some kinds."""
        return tuple(fault for fault in self.faults if fault.kind in kinds)

    def sources(self) -> Mapping[str, str]:
        """Return the untouched folder's image that each copied or moved file shows."""
        return {fault.path: fault.source for fault in self.of(*COPY_KINDS, "swapped_label")}

    def save(self, file: Path) -> None:
        """Write the truth as JSON."""
        file.write_text(json.dumps(asdict(self), indent=1), encoding="utf-8")


def plant_faults(data: Path, planted: Path, *, seed: int, share: float = 0.05) -> Truth:
    """Copy the folder `data` to `planted` and damage the copy.

    Each image gets at most one fault: no swapped label is also a copy, and each copy's original stays
    as it was. A share of all images gets each kind, at least one.

    Raises:
        DataError: `data` is no image folder.
        ValueError: the shares add up to more images than there are.
    """
    folder = read_folder(data)
    kinds = [k for k in KINDS if k != "other_split" or len(folder.given_splits) > 1]
    count = max(1, round(share * len(folder.files)))
    if count * len(kinds) > len(folder.files):
        raise ValueError(f"{share:.0%} of each of {len(kinds)} kinds is more than all images")
    shutil.copytree(data, planted)
    rng = np.random.default_rng(seed)
    files = sorted(folder.files, key=folder.relative)
    chosen = iter(rng.permutation(len(files)).tolist())
    planter = _Planter(folder, planted, rng)
    faults = [planter.plant(kind, files[next(chosen)]) for kind in kinds for _ in range(count)]
    return Truth(seed=seed, share=share, faults=tuple(faults))


def plant_leaks(data: Path, planted: Path, *, seed: int, share: float) -> Truth:
    """Copy the folder `data` to `planted` and put copies of a share of its test images into train.

    Equal files and altered ones in turn, each under its image's label.

    Raises:
        DataError: `data` is no image folder.
        ValueError: it has no train and test split.
    """
    folder = read_folder(data)
    if not {"train", "test"} <= set(folder.given_splits):
        raise ValueError(f"{str(data)!r} has no train and test split to leak between")
    shutil.copytree(data, planted)
    rng = np.random.default_rng(seed)
    test = sorted((f for f in folder.files if f.split == "test"), key=folder.relative)
    leaked = rng.permutation(len(test))[: round(share * len(test))].tolist()
    planter = _Planter(folder, planted, rng)
    faults = [
        planter.leak(kind, test[index])
        for kind, index in zip(cycle(LEAK_KINDS), leaked, strict=False)
    ]
    return Truth(seed=seed, share=share, faults=tuple(faults))


class _Planter:
    """Plants one fault at a time into `root`, a copy of `folder`."""

    def __init__(self, folder: Folder, root: Path, rng: np.random.Generator) -> None:
        self._folder = folder
        self._root = root
        self._rng = rng
        self._plant: Mapping[str, Callable[[ImageFile, Path], Path]] = {
            "truncated": self._truncate,
            "zero_byte": lambda _, path: _overwrite(path, b""),
            "html_as_jpg": lambda _, path: _overwrite(path, _HTML),
            "exact_copy": lambda _, path: self._copy(path, path.parent),
            "jpeg_q40": lambda _, path: self._save(_opened(path), path, quality=40),
            "crop_80": lambda _, path: self._save(self._cropped(_opened(path)), path),
            "mirrored": lambda _, path: self._save(ImageOps.mirror(_opened(path)), path),
            "brightness": lambda _, path: self._save(self._relit(_opened(path)), path),
            "other_split": self._leak,
            "swapped_label": self._swap,
        }

    def plant(self, kind: str, file: ImageFile) -> Fault:
        source = self._folder.relative(file)
        path = self._plant[kind](file, self._root / source)
        return Fault(kind=kind, path=str(path.relative_to(self._root)), source=source)

    def leak(self, kind: str, file: ImageFile) -> Fault:
        """Plant a copy of a test image, and move it beside the training images of its label."""
        fault = self.plant(kind, file)
        twin = next(f for f in self._folder.files if f.split == "train" and f.label == file.label)
        folder = (self._root / self._folder.relative(twin)).parent
        path = (self._root / fault.path).rename(folder / Path(fault.path).name)
        return replace(fault, path=str(path.relative_to(self._root)))

    def _truncate(self, _: ImageFile, path: Path) -> Path:
        data = path.read_bytes()
        return _overwrite(path, data[: int(len(data) * self._rng.uniform(0.2, 0.9))])

    def _copy(self, path: Path, folder: Path) -> Path:
        return Path(shutil.copyfile(path, folder / self._new_name(path.suffix)))

    def _save(self, image: Image.Image, path: Path, *, quality: int = _SAVED_QUALITY) -> Path:
        copy = path.with_name(self._new_name(".jpg"))
        image.save(copy, "JPEG", quality=quality)
        return copy

    def _cropped(self, image: Image.Image) -> Image.Image:
        """Keep 80 % of each side (64 % of the area), anywhere."""
        width, height = (round(side * _CROP_SIDE) for side in image.size)
        left = int(self._rng.integers(image.width - width + 1))
        top = int(self._rng.integers(image.height - height + 1))
        return image.crop((left, top, left + width, top + height))

    def _relit(self, image: Image.Image) -> Image.Image:
        """Make 20-40 % darker or brighter."""
        change = self._rng.uniform(0.2, 0.4) * self._rng.choice([-1, 1])
        return ImageEnhance.Brightness(image).enhance(1 + change)

    def _leak(self, file: ImageFile, path: Path) -> Path:
        others = [f for f in self._folder.files if f.label == file.label and f.split != file.split]
        twin = others[int(self._rng.integers(len(others)))]
        return self._copy(path, (self._root / self._folder.relative(twin)).parent)

    def _swap(self, file: ImageFile, path: Path) -> Path:
        others = [f for f in self._folder.files if f.split == file.split and f.label != file.label]
        labels = sorted({f.label for f in others})
        label = labels[int(self._rng.integers(len(labels)))]
        neighbour = next(f for f in others if f.label == label)
        folder = (self._root / self._folder.relative(neighbour)).parent
        return path.rename(folder / path.name)

    def _new_name(self, suffix: str) -> str:
        """Return a name that tells nothing and sorts anywhere."""
        return self._rng.bytes(16).hex() + suffix


def _overwrite(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")
