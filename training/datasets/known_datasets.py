"""The datasets, each by torchvision's own loader: its parts, its class names, its images."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torchvision.datasets as tv
from PIL import Image

from training.data.folder import Split

# An image as the dataset holds it: a file of its own, or pixels of an array.
Held = Path | Image.Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """How torchvision reads one dataset.

    Attributes:
        title: its usual name.
        parts: by the split of the written folder, the loader's own arguments; one part named None
            where the dataset has no split of its own.
        open: makes the loader of a part, given the root folder, the arguments and whether to download.
        held: the image of a loader's item, and the number of its class.
        classes: the names of a loader's classes.
    """

    title: str
    parts: Mapping[Split | None, Mapping[str, Any]]
    open: Callable[..., Any]
    held: Callable[[Any, int], tuple[Held, int]]
    classes: Callable[[Any], list[str]]

    def items(
        self, root: Path, part: Split | None, *, download: bool
    ) -> Iterator[tuple[Held, str]]:
        """Yield each image of a part with its class.

        Raises:
            RuntimeError, OSError: as the loader: the dataset is not there, damaged, or unreachable.
        """
        loader = self.open(root=root, download=download, **self.parts[part])
        names = self.classes(loader)
        for index in range(len(loader)):
            held, label = self.held(loader, index)
            yield held, names[label]


def _pixels(loader: Any, index: int) -> tuple[Held, int]:
    image, label = loader[index]
    return image, int(label)


def _path(loader: Any, index: int) -> tuple[Held, int]:
    """Take the path for the image: these loaders let one say how a file is read."""
    path, label = loader[index]
    return Path(path), int(label)


def _pet(loader: Any, index: int) -> tuple[Held, int]:
    # The loader converts what it opens; only its list of files knows where the original is.
    return Path(loader._images[index]), int(loader[index][1])


def _caltech(loader: Any, index: int) -> tuple[Held, int]:
    image, label = loader[index]
    with image:  # opened, and not yet read
        return Path(image.filename), int(label)


def _own_classes(loader: Any) -> list[str]:
    return list(loader.classes)


def _categories(loader: Any) -> list[str]:
    return list(loader.categories)


def _unread(path: str | Path) -> str | Path:
    return path


def _unread_by(kind: Callable[..., Any]) -> Callable[..., Any]:
    return lambda **arguments: kind(loader=_unread, **arguments)


_TRAIN_TEST: Final[Mapping[Split | None, Mapping[str, Any]]] = {
    "train": {"train": True},
    "test": {"train": False},
}
_THREE: Final[Mapping[Split | None, Mapping[str, Any]]] = {
    split: {"split": split} for split in ("train", "val", "test")
}


def _array(title: str, kind: Callable[..., Any]) -> Source:
    return Source(title=title, parts=_TRAIN_TEST, open=kind, held=_pixels, classes=_own_classes)


SOURCES: Final[Mapping[str, Source]] = {
    "mnist": _array("MNIST", tv.MNIST),
    "fashion-mnist": _array("Fashion-MNIST", tv.FashionMNIST),
    "cifar10": _array("CIFAR-10", tv.CIFAR10),
    "cifar100": _array("CIFAR-100", tv.CIFAR100),
    "flowers102": Source(
        title="Flowers-102",
        parts=_THREE,
        open=_unread_by(tv.Flowers102),
        held=_path,
        classes=_own_classes,
    ),
    "pets": Source(
        title="Oxford-IIIT Pet",
        parts={"train": {"split": "trainval"}, "test": {"split": "test"}},
        open=tv.OxfordIIITPet,
        held=_pet,
        classes=_own_classes,
    ),
    "food101": Source(
        title="Food-101",
        parts={"train": {"split": "train"}, "test": {"split": "test"}},
        open=_unread_by(tv.Food101),
        held=_path,
        classes=_own_classes,
    ),
    "dtd": Source(
        title="Describable Textures (DTD)",
        parts=_THREE,
        open=_unread_by(tv.DTD),
        held=_path,
        classes=_own_classes,
    ),
    "caltech101": Source(
        title="Caltech-101",
        parts={None: {}},
        open=tv.Caltech101,
        held=_caltech,
        classes=_categories,
    ),
}
