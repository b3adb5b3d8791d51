"""What folder cases are made of: tiny images, each another file, and trees of them."""

import functools
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Final

from PIL import Image

from training.label_source import FOLDER_NAMES, LabelSource

_numbers = count()
CATS: Final = {"cat": 3, "dog": 3}


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderCase:
    """A folder, and what is right.

    Attributes:
        kind: for the table.
        name: what a person would say that it is.
        make: fills an empty folder; returns what is given as DATA.
        classes: images of each label; None where the right answer is to stop.
        splits: those that are to be honoured.
        findings: kinds of all warnings, and of infos that must be there.
        words: what the sentence must have, where it stops.
        source, min_images: options.
    """

    kind: str
    name: str
    make: Callable[[Path], Path]
    classes: Mapping[str, int] | None
    splits: tuple[str, ...] = ()
    findings: frozenset[str] = field(default_factory=frozenset)
    words: tuple[str, ...] = ()
    source: Callable[[Path], LabelSource] = lambda _: FOLDER_NAMES
    min_images: int | None = None


def image(image_format: str = "PNG") -> bytes:
    """Return an encoded image that no other call returned."""
    number = next(_numbers)
    colours = [number * 7 % 256, number // 256 % 256, number // 65536 % 256]
    picture = Image.new("RGB", (12, 12), (colours[0], colours[1], colours[2]))
    picture.putpixel((number % 12, number // 12 % 12), (255, 255, 255))
    stream = io.BytesIO()
    picture.save(stream, image_format)
    return stream.getvalue() if image_format != "PNG" else stream.getvalue() + str(number).encode()


def tree(
    images: Mapping[str, int], files: Mapping[str, bytes] | None = None
) -> Callable[[Path], Path]:
    """Return a maker of a folder with so many images in each subfolder ("." is the root), and other files."""
    return functools.partial(_write, images, files or {})


def _write(images: Mapping[str, int], files: Mapping[str, bytes], root: Path) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    for folder, number in images.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        for index in range(number):
            (root / folder / f"img{index:03d}.png").write_bytes(image())
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def named(names: Mapping[str, int], suffix: str = "png") -> dict[str, bytes]:
    """Return files by name patterns: `{"train/cat.{}": 3}` are `train/cat.0.png` to `train/cat.2.png`."""
    return {
        f"{pattern.format(index)}.{suffix}": image()
        for pattern, number in names.items()
        for index in range(number)
    }


def case(
    kind: str,
    name: str,
    images: dict[str, int],
    classes: dict[str, int] | None,
    *,
    files: dict[str, bytes] | None = None,
    splits: str = "",
    findings: str = "",
    words: tuple[str, ...] = (),
    pattern: str | None = None,
    min_images: int | None = None,
) -> FolderCase:
    """Return a case; `files` are other files than the images of each folder, `pattern` is --label-from."""
    return FolderCase(
        kind=kind,
        name=name,
        make=tree(images, files),
        classes=classes,
        splits=tuple(splits.split()),
        findings=frozenset(findings.split()),
        words=words,
        source=lambda _: LabelSource(label_from=pattern),
        min_images=min_images,
    )


def in_places(*places: str, number: int = 3) -> dict[str, int]:
    """Return images of cats and dogs in each place."""
    return {f"{place}/{label}": number for place in places for label in CATS}


def both(number: int) -> dict[str, int]:
    """Return so many images of cats and of dogs."""
    return dict.fromkeys(CATS, number)
