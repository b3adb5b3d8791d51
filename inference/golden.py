"""Golden images: a few real images in the package with the answers the model gave when published.

Whoever loads the package replays them from their bytes, so that another decoder, another runtime or
other hardware that changes the answers is noticed before a user is answered.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from inference.classifier import Classifier
from inference.decoding import DEFAULT_LIMITS
from inference.errors import GoldenMismatch, ImageError
from inference.files import read_regular_file, why_unreadable
from inference.formats import sniff_format
from inference.manifest import Precision
from inference.package import EXPECTED_FILE, GOLDEN_FOLDER
from inference.strictjson import from_json, parse_json, to_json

MAX_GOLDEN_IMAGES: Final = 16

# Sixteen answers of ten thousand classes are below it.
_MAX_EXPECTED_BYTES: Final = 8 * 2**20

# Largest allowed difference of a probability. fp32 leaves room for another CPU's or GPU's order of
# additions (TF32 included); the smaller types for their own rounding on another chip.
_TOLERANCE: Final = {"fp32": 0.01, "fp16": 0.03, "int8": 0.08, "bf16": 0.08}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenImage:
    """`file` in the golden folder, its true label, and the probabilities expected of one precision."""

    file: str
    label: str
    probabilities: tuple[float, ...]

    def __post_init__(self) -> None:
        if Path(self.file).name != self.file or self.file in ("", ".", ".."):
            raise ValueError(f"golden file {self.file!r} must be a plain file name")


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldenSet:
    """The content of `golden/expected.json`, which is about fp32, or of another precision's file."""

    images: tuple[GoldenImage, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.images) <= MAX_GOLDEN_IMAGES:
            raise ValueError(f"must be 1..{MAX_GOLDEN_IMAGES} images, got {len(self.images)}")


def write_golden(
    folder: Path, classifier: Classifier, images: Sequence[tuple[bytes, str]]
) -> GoldenSet:
    """Write encoded `images` (bytes, true label) and the classifier's answers for them.

    The bytes are kept as they are, so a photo's own metadata goes along with it.

    Raises:
        ImageError: one of them cannot be decoded.
    """
    target = folder / GOLDEN_FOLDER
    target.mkdir()
    entries = []
    for index, (data, label) in enumerate(images[:MAX_GOLDEN_IMAGES]):
        file = f"{index:02d}.{sniff_format(data).lower()}"
        (target / file).write_bytes(data)
        row = _probabilities(classifier, data)
        entries.append(GoldenImage(file=file, label=label, probabilities=tuple(map(float, row))))
    golden = GoldenSet(images=tuple(entries))
    _write(target, classifier.precision, golden)
    return golden


def add_golden_precision(folder: Path, classifier: Classifier) -> int:
    """Write the answers of another precision for the golden images of the package in `folder`.

    Returns:
        The number of images.
    """
    golden = _read(folder, EXPECTED_FILE)
    images = []
    for entry in golden.images:
        row = _probabilities(classifier, _image_bytes(folder, entry))
        images.append(replace(entry, probabilities=tuple(map(float, row))))
    _write(folder / GOLDEN_FOLDER, classifier.precision, GoldenSet(images=tuple(images)))
    return len(images)


def expected_file(precision: Precision) -> str:
    """Return the name of the file with a precision's answers."""
    return EXPECTED_FILE if precision == "fp32" else f"expected.{precision}.json"


def _write(target: Path, precision: Precision, golden: GoldenSet) -> None:
    text = json.dumps(to_json(golden), ensure_ascii=False, indent=2)
    (target / expected_file(precision)).write_text(text, encoding="utf-8")


def check_golden(classifier: Classifier, folder: Path, *, same_answers: bool = True) -> int:
    """Replay the golden images of the package in `folder`; return how many there were.

    Without `same_answers` any answer will do.

    Raises:
        GoldenMismatch: the set cannot be read, or an answer differs by more than the tolerance.
        PackageError: one of its files is a link out of the package.
    """
    golden = _read(folder, expected_file(classifier.precision))
    tolerance = _TOLERANCE[classifier.precision] if same_answers else math.inf
    for entry in golden.images:
        try:
            row = _probabilities(classifier, _image_bytes(folder, entry))
        except (OSError, ImageError) as err:
            why = why_unreadable(err) if isinstance(err, OSError) else f"cannot be read: {err}"
            raise GoldenMismatch(f"golden image {entry.file!r} {why}; publish again") from err
        expected = np.asarray(entry.probabilities)
        if expected.shape != row.shape:
            raise GoldenMismatch(
                f"golden image {entry.file!r} was answered with another class count"
            )
        difference = float(np.abs(row - expected).max())
        if difference > tolerance:
            raise GoldenMismatch(
                f"golden image {entry.file!r}: a probability differs by {difference:.4f} from the "
                f"published answer, limit is {tolerance}; this machine does not run the model as it "
                "was measured"
            )
    return len(golden.images)


def _probabilities(classifier: Classifier, data: bytes) -> np.ndarray:
    """Return the (K,) probabilities of one encoded image."""
    pixels = classifier.prepare(data).pixels
    row: np.ndarray = classifier.run(pixels[np.newaxis]).probabilities[0]
    return row


def _image_bytes(folder: Path, entry: GoldenImage) -> bytes:
    name = f"{GOLDEN_FOLDER}/{entry.file}"
    return read_regular_file(folder, name, max_bytes=DEFAULT_LIMITS.max_bytes)


def _read(folder: Path, file: str) -> GoldenSet:
    name = f"{GOLDEN_FOLDER}/{file}"
    try:
        data = parse_json(read_regular_file(folder, name, max_bytes=_MAX_EXPECTED_BYTES))
        return from_json(GoldenSet, data, where="golden")
    except OSError as err:
        raise GoldenMismatch(f"{name} {why_unreadable(err)}; publish again") from err
    except ValueError as err:
        raise GoldenMismatch(f"{name} is damaged; publish again") from err
