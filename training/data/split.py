"""Which image trains, which chooses, which is the final test.

Given splits are honoured. Otherwise the images are split 70/15/15, stratified by class, with whole groups
(copies, photos of one shoot) on one side. Where a class has too few images for that, there are folds
instead: every choice is made by cross-validation and the model is fitted on all images (Kohavi 1995).

The split is frozen by content hash: splitting again with more images moves none of the old ones.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from training.data.finding import counted
from training.data.folder import SPLITS, Split
from training.data.scan import ScannedImage, StoredPixels
from training.errors import DataError
from training.runtime.arrays import Integers

SPLIT_FILE: Final = "split.json"
SHARES: Final[Mapping[Split, float]] = {"train": 0.70, "val": 0.15, "test": 0.15}
# Below this many images in the smallest class, a held-out 15 % is three images or fewer.
FOLDS_BELOW: Final = 20
MAX_FOLDS: Final = 5

# An earlier split: content hash to the name of a split, or to "0", "1", … for a fold.
Frozen = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """The images of each split.

    Attributes:
        labels: index = class.
        splits: `test` may be empty. With `folds`, `val` is `train` itself, or those of its
            folds that are held out in turn.
        given_val: whether `val` came with the folder; then no model is fitted on it.
        folds: the fold of each image of `train`, (N,), or None where `val` is held out.
        pixels: what the served model is fed, by `ScannedImage.row`.
        training_pixels: whole images for augmentation, or None.
        photos: the photo that each image shows, by `ScannedImage.row`: copies have one number. None
            where each has its own.
    """

    labels: tuple[str, ...]
    splits: Mapping[Split, tuple[ScannedImage, ...]]
    given_val: bool
    folds: Integers | None
    pixels: StoredPixels
    training_pixels: StoredPixels | None
    photos: Integers | None = None

    def targets(self, split: Split) -> Integers:
        """Return the class index of each image of a split: (N,)."""
        index = {label: i for i, label in enumerate(self.labels)}
        labels = [index[image.file.label] for image in self.splits[split]]
        return np.array(labels, dtype=np.int64)

    def rows(self, split: Split) -> Integers:
        """Return each image's place in `pixels`: (N,)."""
        return np.array([image.row for image in self.splits[split]], dtype=np.int64)

    def counted(self, split: Split) -> Integers:
        """Return which images of a split figures are of, (M,): several of one photo and class count once."""
        rows, targets = self.rows(split), self.targets(split)
        if self.photos is None or not len(rows):
            return np.arange(len(rows))
        shown = np.stack([self.photos[rows], targets])
        return np.sort(np.unique(shown, axis=1, return_index=True)[1])

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of images, by split and label; with folds there is no `val` of its own."""
        return {
            split: dict.fromkeys(self.labels, 0) | Counter(image.file.label for image in images)
            for split, images in self.splits.items()
            if images and not (split == "val" and self.folds is not None)
        }

    def imbalance(self) -> float:
        """Return how many times the largest class of `train` is as large as the smallest."""
        counts = np.bincount(self.targets("train"), minlength=len(self.labels))
        return float(counts.max() / max(counts.min(), 1))

    def fingerprint(self) -> str:
        """Return the sha256 over split, label and content hash of every image, in any order."""
        lines = sorted(
            f"{split}\t{image.file.label}\t{image.sha256}"
            for split, images in self.splits.items()
            for image in images
        )
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    @property
    def val_folds(self) -> Integers | None:
        """The fold of each image of `val`, (N,), or None where `val` is held out."""
        if self.folds is None:
            return None
        fold_of = dict(zip(self.rows("train").tolist(), self.folds.tolist(), strict=True))
        return np.array([fold_of[row] for row in self.rows("val").tolist()], dtype=np.int64)

    def validated_on(self, num_folds: int) -> "Dataset":
        """Return the data set with the images of the first folds as `val`, one fold after the other."""
        held = [self.hold_out(fold).splits["val"] for fold in range(num_folds)]
        val = tuple(image for part in held for image in part)
        return replace(self, splits={**self.splits, "val": val})

    def hold_out(self, fold: int) -> "Dataset":
        """Return the data set with one fold as `val` and the others as `train`."""
        assert self.folds is not None
        train = self.splits["train"]
        parts: dict[Split, tuple[ScannedImage, ...]] = {
            "train": tuple(i for i, f in zip(train, self.folds, strict=True) if f != fold),
            "val": tuple(i for i, f in zip(train, self.folds, strict=True) if f == fold),
            "test": self.splits["test"],
        }
        return replace(self, splits=parts, folds=None)

    def frozen(self) -> dict[str, str]:
        """Return what `split_images` takes as `frozen` the next time."""
        if self.folds is not None:
            train = zip(self.splits["train"], self.folds, strict=True)
            parts = {image.sha256: str(fold) for image, fold in train}
        else:
            parts = {image.sha256: s for s in ("train", "val") for image in self.splits[s]}
        return parts | {image.sha256: "test" for image in self.splits["test"]}


def split_images(
    images: Sequence[ScannedImage],
    groups: Integers,
    labels: tuple[str, ...],
    *,
    given: Sequence[Split],
    seed: int,
    frozen: Frozen,
    pixels: StoredPixels,
    training_pixels: StoredPixels | None,
) -> Dataset:
    """Assign every image to a split.

    Args:
        images: those that take part; some may have been dropped from the scan.
        groups: the group of each scanned image, by its row; a group is never parted.
        labels: index = class.
        given: the splits that the folder itself has.
        seed: of the order in which groups are assigned.
        frozen: the earlier split; empty the first time.
        pixels, training_pixels: for the data set.

    Raises:
        DataError: a class has too few different images.
    """
    parts: dict[Split, list[ScannedImage]] = {split: [] for split in SPLITS}
    for image in images:
        parts[image.file.split or "train"].append(image)
    folds = None
    if "val" not in given:
        pool = parts["train"]
        names = _part_names(pool, groups, labels, frozen, needs_test="test" not in given)
        assigned = _assign(pool, groups, names, seed, frozen)
        if "train" in names:
            for split in names:
                parts[_as_split(split)] = [i for i in pool if assigned[i.row] == split]
        else:
            folds = np.array([int(assigned[image.row]) for image in pool], dtype=np.int64)
            parts["val"] = pool
    dataset = Dataset(
        labels=labels,
        splits={split: tuple(parts[split]) for split in SPLITS},
        given_val="val" in given,
        folds=folds,
        pixels=pixels,
        training_pixels=training_pixels,
    )
    _check_classes(dataset, groups, given, frozen)
    return dataset


def read_frozen(file: Path, given: Sequence[Split]) -> dict[str, str]:
    """Read the earlier split, for a folder that has the splits `given`.

    Empty where there is no such file, where it cannot be read, or where the folder had a split then that
    is to be made now: all its images went to the others, so there is nothing to take it from.
    """
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    parts = data.get("parts") if isinstance(data, dict) else None
    if not isinstance(parts, dict) or not set(data.get("given", [])) <= set(given):
        return {}
    return {str(k): str(v) for k, v in parts.items()}


def write_frozen(file: Path, parts: Frozen, given: Sequence[Split]) -> None:
    """Write the split, and which splits came with the folder."""
    content = {"given": list(given), "parts": parts}
    file.write_text(json.dumps(content, indent=1, sort_keys=True), encoding="utf-8")


def _part_names(
    pool: Sequence[ScannedImage],
    groups: Integers,
    labels: tuple[str, ...],
    frozen: Frozen,
    *,
    needs_test: bool,
) -> dict[str, float]:
    """Return the parts to split into, with their shares: splits, or folds where images are few."""
    before = {frozen[image.sha256] for image in pool if image.sha256 in frozen}
    num_images = Counter(image.file.label for image in pool)
    num_groups = Counter(label for label, _ in {(i.file.label, int(groups[i.row])) for i in pool})
    smallest = min(labels, key=lambda label: num_groups[label])
    few = min(num_images[label] for label in labels) < FOLDS_BELOW or num_groups[smallest] < 3
    if before & {"val"}:
        few = False  # a set that has grown keeps its held-out images
    if not few:
        test = SHARES["test"] if needs_test else 0.0
        shares: dict[str, float] = {"train": 1 - SHARES["val"] - test, "val": SHARES["val"]}
        return shares | ({"test": test} if needs_test else {})
    num_folds = min(MAX_FOLDS, num_groups[smallest])
    if num_folds < 2:
        raise DataError(_too_few_message(smallest, num_images[smallest]))
    return {str(fold): 1 / num_folds for fold in range(num_folds)}


def _too_few_message(label: str, num_images: int) -> str:
    if num_images == 1:
        return f"class {label!r} has 1 image; it needs at least 2, add some"
    return (
        f"the {num_images} images of class {label!r} belong together (copies of one photo, or one match "
        "of --group-by), so none can be held out; add different ones, or give a pattern that parts them"
    )


def _assign(
    pool: Sequence[ScannedImage],
    groups: Integers,
    shares: Mapping[str, float],
    seed: int,
    frozen: Frozen,
) -> dict[int, str]:
    """Return the part of each row: by share, but classes that this leaves without one go to each part first.

    Such are of a few groups, or new in a split that was made before: they alone are split anew.
    """
    assigned = _assign_stratified(pool, groups, shares, seed, frozen)
    lacking = _lacking(pool, assigned, in_all="train" in shares)
    if not lacking:
        return assigned
    anew = {image.sha256 for image in pool if image.file.label in lacking}
    others = {sha256: part for sha256, part in frozen.items() if sha256 not in anew}
    return _assign_stratified(pool, groups, shares, seed, others, spread=lacking)


def _lacking(
    pool: Sequence[ScannedImage], assigned: Mapping[int, str], *, in_all: bool
) -> frozenset[str]:
    """Return the classes that are not in all parts that have images; of folds, two are enough."""
    parts_of: dict[str, set[str]] = {}
    for image in pool:
        parts_of.setdefault(image.file.label, set()).add(assigned[image.row])
    needed = len(set(assigned.values())) if in_all else 2
    return frozenset(label for label, parts in parts_of.items() if len(parts) < needed)


def _assign_stratified(
    pool: Sequence[ScannedImage],
    groups: Integers,
    shares: Mapping[str, float],
    seed: int,
    frozen: Frozen,
    *,
    spread: frozenset[str] = frozenset(),
) -> dict[int, str]:
    """Return the part of each row. Each group goes where its class is furthest below its share.

    Classes to `spread` go to parts that have none of them first.
    """
    members: dict[int, list[ScannedImage]] = {}
    for image in pool:
        members.setdefault(int(groups[image.row]), []).append(image)
    totals = Counter(image.file.label for image in pool)
    assigned: Counter[tuple[str, str]] = Counter()
    placed: dict[int, str] = {}
    waiting: list[list[ScannedImage]] = []
    for group in members.values():
        kept = [frozen[i.sha256] for i in group if frozen.get(i.sha256) in shares]
        if kept:
            _place(group, kept[0], placed, assigned)
        else:
            waiting.append(group)
    for group in sorted(waiting, key=lambda g: _draw(seed, min(i.sha256 for i in g))):
        label = Counter(image.file.label for image in group).most_common(1)[0][0]
        part = max(
            shares,
            key=lambda p: (
                label in spread and not assigned[label, p],
                shares[p] * totals[label] - assigned[label, p],
            ),
        )
        _place(group, part, placed, assigned)
    return placed


def _place(
    group: Sequence[ScannedImage],
    part: str,
    placed: dict[int, str],
    assigned: Counter[tuple[str, str]],
) -> None:
    for image in group:
        placed[image.row] = part
        assigned[image.file.label, part] += 1


def _draw(seed: int, content_hash: str) -> bytes:
    return hashlib.sha256(f"{seed}:{content_hash}".encode()).digest()


def _as_split(name: str) -> Split:
    return next(split for split in SPLITS if split == name)


def _check_classes(
    dataset: Dataset, groups: Integers, given: Sequence[Split], frozen: Frozen
) -> None:
    needed = [split for split in SPLITS if dataset.splits[split] or split in given]
    for split in needed:
        present = {image.file.label for image in dataset.splits[split]}
        for label in dataset.labels:
            if label not in present:
                anew = ", or publish under another --name, and all are split anew" if frozen else ""
                raise DataError(
                    f"class {label!r} has no image left for {split}: {_why_none(dataset, groups, label)}; "
                    f"add different ones{anew}"
                )


def _why_none(dataset: Dataset, groups: Integers, label: str) -> str:
    every = [image for images in dataset.splits.values() for image in images]
    number = len({int(groups[image.row]) for image in every if image.file.label == label})
    splits = [split for split in SPLITS if dataset.splits[split]]
    if number >= len(splits):
        return "images that belong together (copies of one photo, one match of --group-by) stay on one side"
    return (
        f"it has {counted(number, 'different image')} (copies of one photo, and one match of --group-by, "
        f"count as one) for {', '.join(splits)}"
    )


def assign_folds(images: Sequence[ScannedImage], groups: Integers, *, seed: int) -> Integers:
    """Return the fold of each image, (N,): five or fewer, each class in all of them as far as it goes.

    Args:
        images: each class has images of two groups at least.
        groups: the group of each image, by its row; a group is never parted.
        seed: of the order in which groups are assigned.
    """
    num_groups = Counter(label for label, _ in {(i.file.label, int(groups[i.row])) for i in images})
    count = min(MAX_FOLDS, *num_groups.values())
    shares = {str(fold): 1 / count for fold in range(count)}
    assigned = _assign_stratified(images, groups, shares, seed, {})
    return np.array([int(assigned[image.row]) for image in images], dtype=np.int64)
