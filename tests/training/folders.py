"""Image folders for the tests: small, each image another file, the classes told apart by colour."""

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image

_COLOURS = (
    (220, 40, 40),
    (40, 200, 40),
    (40, 40, 220),
    (220, 220, 40),
    (200, 40, 220),
    (40, 210, 210),
)
_NOBODY = 65534


def noisy(
    colour: tuple[int, int, int], seed: int, *, size_wh: tuple[int, int] = (44, 36)
) -> Image.Image:
    """Return an image of about one colour, another one for each seed."""
    rng = np.random.default_rng((seed, *colour))
    noise = rng.normal(0, 12, (size_wh[1], size_wh[0], 3))
    return Image.fromarray((np.array(colour) + noise).clip(0, 255).astype(np.uint8))


def noisy_png(colour_index: int, seed: int = 0) -> bytes:
    """Return an encoded image of the numbered colour."""
    stream = io.BytesIO()
    noisy(_COLOURS[colour_index], seed).save(stream, "PNG")
    return stream.getvalue()


def write_class(
    folder: Path, colour_index: int, *, count: int, seed: int = 0, suffix: str = ".png"
) -> list[Path]:
    """Write `count` images of one colour into `folder`, which is made; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"image{i}{suffix}" for i in range(count)]
    for i, path in enumerate(paths):
        noisy(_COLOURS[colour_index], seed * 10_000 + i).save(path)
    return paths


def write_classes(
    root: Path,
    labels: Sequence[str] = ("red", "green", "blue"),
    *,
    count: int = 12,
    seed: int = 0,
) -> Path:
    """Write one subfolder per class, each of its own colour; return `root`."""
    for index, label in enumerate(labels):
        write_class(root / label, index, count=count, seed=seed)
    return root


@contextmanager
def unprivileged() -> Iterator[None]:
    """Run the block as a user whom permissions bind; they bind root by nothing.

    Paths should be relative to a working directory that others may enter: its parents need not be.
    """
    user = os.getuid()
    if user == 0:
        os.setresuid(_NOBODY, _NOBODY, 0)
    try:
        yield
    finally:
        if user == 0:
            os.setresuid(0, 0, 0)
