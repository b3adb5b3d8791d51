"""Which images of a folder a model's figures may be of: none that it has learned, and each photo once."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from inference.decoding import OWN_FILES_LIMITS, DecodedImage, DecodeLimits, decode_image
from inference.errors import ImageError
from inference.image_file import read_image_file
from inference.preprocessing import PreprocessSpec, preprocess
from training.audit.duplicates import find_duplicates, group_numbers
from training.data.finding import quoted
from training.data.folder import Folder, ImageFile
from training.data.image_facts import gather_facts
from training.data.scan import ScannedImage
from training.errors import DataError
from training.runtime.arrays import Pixels
from training.runtime.progress import Display

_SHOWN: Final = 5
# What two files are compared at; a model's own input may be too small for it.
_COMPARED: Final = PreprocessSpec(
    resize_shorter_px=224,
    crop_hw=(224, 224),
    interpolation="bicubic",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedImages:
    """A folder without the images that count for nothing.

    Attributes:
        folder: what is left; files that cannot be read among it.
        learned: that a model was trained or chosen on, by their content.
        copies: of a photo that is there already under the same class, byte for byte or another version.
        whole: the number of files before.
    """

    folder: Folder
    learned: tuple[ImageFile, ...]
    copies: tuple[ImageFile, ...]
    whole: int

    def describe(self, display: Display) -> None:
        """Say what was left out and why, with some names."""
        if self.learned:
            display.warning(
                f"{len(self.learned):,} of the {self.whole:,} images were used for training and are left "
                f"out: {self._names(self.learned)}"
            )
        if self.copies:
            kind = (
                "is a copy or another version of another"
                if len(self.copies) == 1
                else "are copies or other versions of others"
            )
            display.line(
                f"{len(self.copies):,} of the {self.whole:,} images {kind} and left out, "
                f"so that each photo counts once: {self._names(self.copies)}"
            )

    def to_json(self) -> dict[str, Any]:
        """Return the paths of what was left out, and what was noticed about the folder."""
        return {
            "findings": list(self.folder.findings),
            "trained_on": [self.folder.relative(file) for file in self.learned],
            "copies": [self.folder.relative(file) for file in self.copies],
        }

    def _names(self, files: Sequence[ImageFile]) -> str:
        shown = ", ".join(quoted(self.folder.relative(file)) for file in files[:_SHOWN])
        return f"{shown}, …" if len(files) > _SHOWN else shown


def count_images(
    folder: Folder,
    learned: frozenset[str],
    *,
    limits: DecodeLimits = OWN_FILES_LIMITS,
    advance: Callable[[int], None] = lambda _: None,
) -> CountedImages:
    """Read all files of known class, and leave out those of which figures would mislead.

    Args:
        folder: what a model, or several, are to be evaluated on.
        learned: content hashes of all images that any of them was made from.
        limits: images over them count as unreadable.
        advance: called with the number of files done since the last call.

    Raises:
        DataError: nothing else is in the folder.
    """
    images: list[ScannedImage] = []
    known: list[ImageFile] = []
    unreadable: set[ImageFile] = set()
    with ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="decode") as pool:
        read = partial(_read, limits=limits)
        for file, found in zip(folder.files, pool.map(read, folder.files), strict=True):
            if found is None:
                unreadable.add(file)
            elif found.sha256 in learned:
                known.append(file)
            else:
                images.append(replace(found, row=len(images)))
            advance(1)
    if known and not images:
        raise DataError(
            f"all {len(known):,} images of {str(folder.root)!r} that can be read were used for training; "
            "figures on them would say nothing. Give images that the model has not seen"
        )
    duplicates = find_duplicates(images, None, _Decoded(images, limits))
    shown = group_numbers(duplicates.every, len(images)).tolist()
    first: dict[tuple[int, str], ImageFile] = {}
    for image in images:
        first.setdefault((shown[image.row], image.file.label), image.file)
    counted = {*first.values(), *unreadable}
    return CountedImages(
        folder=replace(folder, files=tuple(file for file in folder.files if file in counted)),
        learned=tuple(known),
        copies=tuple(image.file for image in images if image.file not in counted),
        whole=len(folder.files),
    )


class _Decoded:
    """The images' pixels by row, (H, W, 3) uint8, decoded when they are asked for: few are."""

    def __init__(self, images: Sequence[ScannedImage], limits: DecodeLimits) -> None:
        self._images = images
        self._limits = limits

    def __getitem__(self, row: int) -> Pixels:
        _, decoded = _decode(self._images[row].file, self._limits)
        return preprocess(decoded, _COMPARED)


def _decode(file: ImageFile, limits: DecodeLimits) -> tuple[bytes, DecodedImage]:
    data = read_image_file(file.path, max_bytes=limits.max_bytes)
    return data, decode_image(data, shorter_px=_COMPARED.resize_shorter_px, limits=limits)


def _read(file: ImageFile, limits: DecodeLimits) -> ScannedImage | None:
    """Return what is to be known of a file; None where it cannot be read, which evaluation reports."""
    try:
        data, decoded = _decode(file, limits)
        facts = gather_facts(decoded)
    except (ImageError, OSError):
        return None
    return ScannedImage(file=file, sha256=hashlib.sha256(data).hexdigest(), row=0, facts=facts)
