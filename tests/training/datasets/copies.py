"""Tiny copies of the datasets, in the formats that torchvision's loaders read."""

import hashlib
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torchvision.datasets as tv
from PIL import Image
from scipy.io import savemat


def jpeg(path: Path, seed: int) -> None:
    """Write a small photo."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (20, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, "JPEG")


def write_mnist(root: Path, kind: str = "MNIST") -> None:
    """Write 20 training and 10 test digits in the idx format: two of each class, and one."""
    raw = root / kind / "raw"
    raw.mkdir(parents=True)
    for prefix, count in (("train", 20), ("t10k", 10)):
        pixels = np.random.default_rng(count).integers(0, 255, (count, 28, 28), dtype=np.uint8)
        labels = (np.arange(count) % 10).astype(np.uint8)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(
            struct.pack(">4i", 2051, count, 28, 28) + pixels.tobytes()
        )
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(
            struct.pack(">2i", 2049, count) + labels.tobytes()
        )


def _pickled(path: Path, value: dict[str, Any]) -> str:
    path.write_bytes(pickle.dumps(value))
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def write_cifar(
    root: Path, kind: type[Any], patch: pytest.MonkeyPatch, *, key: str, names: list[str]
) -> None:
    """Write one image a class and part. The loader knows the real files' checksums: it is told ours."""
    folder = root / kind.base_folder
    folder.mkdir(parents=True)
    label_key = "labels" if key == "label_names" else "fine_labels"
    for attribute in ("train_list", "test_list"):
        ours = []
        for number, (file, _) in enumerate(getattr(kind, attribute)):
            pixels = np.random.default_rng(number).integers(
                0, 255, (len(names), 3072), dtype=np.uint8
            )
            batch = {"data": pixels, label_key: list(range(len(names)))}
            ours.append([file, _pickled(folder / file, batch)])
        patch.setattr(kind, attribute, ours)
    meta = dict(kind.meta)
    meta["md5"] = _pickled(folder / meta["filename"], {key: names})
    patch.setattr(kind, "meta", meta)


def write_flowers(root: Path, patch: pytest.MonkeyPatch) -> None:
    """Write six flowers, two a part."""
    base = root / "flowers-102"
    for number in range(1, 7):
        jpeg(base / "jpg" / f"image_{number:05d}.jpg", number)
    savemat(base / "imagelabels.mat", {"labels": np.array([1, 2, 1, 2, 1, 2])})
    savemat(base / "setid.mat", {"trnid": [1, 2], "valid": [3, 4], "tstid": [5, 6]})
    files = dict(tv.Flowers102._file_dict)
    for key in ("label", "setid"):
        name = files[key][0]
        md5 = hashlib.md5((base / name).read_bytes(), usedforsecurity=False).hexdigest()
        files[key] = (name, md5)
    patch.setattr(tv.Flowers102, "_file_dict", files)


def write_pets(root: Path) -> None:
    """Write two breeds, one image each and part."""
    base = root / "oxford-iiit-pet"
    (base / "annotations").mkdir(parents=True)
    for number, part in enumerate(("trainval", "test")):
        lines = []
        for label, breed in enumerate(("Abyssinian", "american_bulldog"), start=1):
            jpeg(base / "images" / f"{breed}_{number}.jpg", 10 * number + label)
            lines.append(f"{breed}_{number} {label} {label} 1")
        (base / "annotations" / f"{part}.txt").write_text("\n".join(lines) + "\n")


def write_food(root: Path) -> None:
    """Write two dishes, one image each and part."""
    base = root / "food-101"
    (base / "meta").mkdir(parents=True)
    for number, part in enumerate(("train", "test")):
        listed = {}
        for dish in ("apple_pie", "ramen"):
            jpeg(base / "images" / dish / f"{number}.jpg", number)
            listed[dish] = [f"{dish}/{number}"]
        (base / "meta" / f"{part}.json").write_text(str(listed).replace("'", '"'))


def write_dtd(root: Path) -> None:
    """Write two textures, one image each and part."""
    base = root / "dtd" / "dtd"
    (base / "labels").mkdir(parents=True)
    for number, part in enumerate(("train", "val", "test")):
        lines = []
        for texture in ("banded", "woven"):
            jpeg(base / "images" / texture / f"{texture}_{number}.jpg", number)
            lines.append(f"{texture}/{texture}_{number}.jpg")
        (base / "labels" / f"{part}1.txt").write_text("\n".join(lines) + "\n")


def write_caltech(root: Path) -> None:
    """Write two categories and the clutter that is none."""
    base = root / "caltech101" / "101_ObjectCategories"
    for category in ("BACKGROUND_Google", "accordion", "yin_yang"):
        for number in (1, 2):
            jpeg(base / category / f"image_{number:04d}.jpg", number)
