"""Which image trains, which chooses, which is the final test.

Given splits are honoured. Otherwise the images of each class are dealt 70/15/15 in an order drawn
from the seed and each image's content hash, so that copies of one file always fall on the same side
and the same folder is always split the same way.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.data.layout import SPLITS, Split
from training.data.scan import Scan, ScannedImage
from training.errors import DataError

VAL_SHARE = 0.15
TEST_SHARE = 0.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """The images of each split. `test` may be empty where the folder came with a val/ and no test/."""

    labels: tuple[str, ...]
    splits: Mapping[Split, tuple[ScannedImage, ...]]
    pixels: npt.NDArray[np.uint8]

    def targets(self, split: Split) -> npt.NDArray[np.int64]:
        """Return the class index of each image of a split: (N,)."""
        index = {label: i for i, label in enumerate(self.labels)}
        labels = [index[image.file.label] for image in self.splits[split]]
        return np.array(labels, dtype=np.int64)

    def rows(self, split: Split) -> npt.NDArray[np.int64]:
        """Return each image's place in `pixels`: (N,)."""
        return np.array([image.row for image in self.splits[split]], dtype=np.int64)

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of images, by split and label."""
        return {
            split: {
                label: sum(image.file.label == label for image in images) for label in self.labels
            }
            for split, images in self.splits.items()
            if images
        }

    def fingerprint(self) -> str:
        """Return the sha256 over split, label and content hash of every image, in any order."""
        lines = sorted(
            f"{split}\t{image.file.label}\t{image.sha256}"
            for split, images in self.splits.items()
            for image in images
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def split_dataset(scan: Scan, *, seed: int) -> Dataset:
    """Assign every readable image to a split.

    Raises:
        DataError: a class has too few different images to be split.
    """
    given = scan.folder.given_splits
    parts: dict[Split, list[ScannedImage]] = {split: [] for split in SPLITS}
    for image in scan.images:
        parts[image.file.split or "train"].append(image)
    if not given:
        parts = _deal(parts["train"], scan.folder.labels, seed, test_share=TEST_SHARE)
    elif "val" not in given:
        dealt = _deal(parts["train"], scan.folder.labels, seed, test_share=0.0)
        parts = {**dealt, "test": parts["test"]}
    return Dataset(
        labels=scan.folder.labels,
        splits={split: tuple(images) for split, images in parts.items()},
        pixels=scan.pixels,
    )


def _deal(
    images: Sequence[ScannedImage], labels: Sequence[str], seed: int, *, test_share: float
) -> dict[Split, list[ScannedImage]]:
    parts: dict[Split, list[ScannedImage]] = {split: [] for split in SPLITS}
    for label in labels:
        of_class = [image for image in images if image.file.label == label]
        order = sorted({image.sha256 for image in of_class}, key=lambda h: _draw(seed, h))
        num_val = max(1, round(len(order) * VAL_SHARE))
        num_test = max(1, round(len(order) * test_share)) if test_share else 0
        if len(order) < num_val + num_test + 1:
            raise DataError(
                f"class {label!r} has {len(order)} different readable images; it needs at least "
                f"{num_val + num_test + 1} to be split, add some"
            )
        val, test = set(order[:num_val]), set(order[num_val : num_val + num_test])
        for image in of_class:
            split: Split = (
                "val" if image.sha256 in val else "test" if image.sha256 in test else "train"
            )
            parts[split].append(image)
    return parts


def _draw(seed: int, content_hash: str) -> bytes:
    return hashlib.sha256(f"{seed}:{content_hash}".encode()).digest()
