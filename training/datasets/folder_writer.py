"""A dataset to a folder of images, all of it or nothing."""

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from inference.temporary_folder import temporary_folder
from training.data.folder import Split
from training.datasets.known_datasets import Held, Source
from training.errors import DataError


def write_dataset(
    source: Source,
    out: Path,
    root: Path,
    *,
    download: bool,
    advance: Callable[[int], None] = lambda _: None,
) -> int:
    """Write `out/<split>/<class>/<number>.<suffix>`, or `out/<class>/…` where there is no split.

    Files are copied as they are, pixels written as PNG.

    Args:
        source: which dataset.
        out: a folder that is not there yet, or empty.
        root: where torchvision keeps, or finds, what it downloads.
        download: whether it may download.
        advance: called with the number of images written since the last call.

    Returns:
        The number of images.

    Raises:
        DataError: `out` has files, or the dataset is not to be had.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{str(out)!r} is not an empty folder; name another one")
    out.parent.mkdir(parents=True, exist_ok=True)
    with temporary_folder(out.parent, f".{out.name}-") as temporary:
        folder = temporary / "images"
        written = 0
        for part in source.parts:
            written += _write_part(source, part, folder, root, download=download, advance=advance)
        if out.exists():
            out.rmdir()
        folder.rename(out)
    return written


def _write_part(
    source: Source,
    part: Split | None,
    folder: Path,
    root: Path,
    *,
    download: bool,
    advance: Callable[[int], None],
) -> int:
    numbers: Counter[str] = Counter()
    try:
        for held, label in source.items(root, part, download=download):
            place = (folder / part if part else folder) / _folder_name(label)
            place.mkdir(parents=True, exist_ok=True)
            numbers[label] += 1
            _write(held, place, numbers[label])
            advance(1)
    except (RuntimeError, OSError) as err:
        raise DataError(_not_to_be_had(source, root, err, download=download)) from err
    return sum(numbers.values())


def _write(held: Held, place: Path, number: int) -> None:
    if isinstance(held, Path):
        shutil.copyfile(held, place / f"{number:05d}{held.suffix.lower()}")
    else:
        held.save(place / f"{number:05d}.png")


def _folder_name(label: str) -> str:
    """Return a class name that can be a folder's: Fashion-MNIST has "T-shirt/top"."""
    return label.replace("/", " or ")


def _not_to_be_had(source: Source, root: Path, err: Exception, *, download: bool) -> str:
    if download:
        return (
            f"{source.title} could not be downloaded or read ({err}); it needs the network. With a "
            "copy from elsewhere, in torchvision's layout, use --root FOLDER --no-download"
        )
    return f"{source.title} is not in {str(root)!r} as torchvision keeps it ({err})"
