"""scikit-learn's 1,797 handwritten digits as an image folder: `{train,test}/<digit>/<number>.png`."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SIDE_PX: Final = 64
TEST_SHARE: Final = 0.2
_BRIGHTEST: Final = 16  # of the originals, which are 8x8 px


def ensure_digits(folder: Path) -> Path:
    """Write the digits to `folder` unless they are there, and return `folder`.

    They are written beside it and renamed into place: the folder is complete or absent.
    """
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        _write(unfinished)
        unfinished.chmod(0o755)  # mkdtemp's own mode would hide it from everyone else
        os.rename(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def _write(folder: Path) -> None:
    digits = load_digits()
    numbers = np.arange(len(digits.target))
    train, test = train_test_split(
        numbers, test_size=TEST_SHARE, random_state=0, stratify=digits.target
    )
    for split, chosen in (("train", train), ("test", test)):
        for number in chosen:
            file = folder / split / str(digits.target[number]) / f"{number:04d}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            _image(digits.images[number]).save(file)


def _image(values: np.ndarray) -> Image.Image:
    """Return (8, 8) floats in 0..16 as a grey image; enlarged smoothly it looks like ink again."""
    grey = np.round(values * (255 / _BRIGHTEST)).astype(np.uint8)
    return Image.fromarray(grey).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
