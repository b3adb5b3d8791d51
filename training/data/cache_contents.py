"""What lies in the cache folder, how large it is, and how it is removed."""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from training.data.cache import DATABASE, SHARDS
from training.data.cache_index import clear_index


@dataclass(frozen=True, slots=True, kw_only=True)
class CachePart:
    """A folder of the cache: its name there, what it holds, and whether a run makes it again by itself."""

    name: str
    holds: str
    made_again: bool = True


PARTS: Final = (
    CachePart(name=SHARDS, holds="decoded pixels"),
    CachePart(name="trunks", holds="exported backbones"),
    CachePart(name="teacher-answers", holds="answers of teachers"),
    CachePart(name="archives", holds="unpacked archives"),
    CachePart(name="thumbnails", holds="small pictures of the studio"),
    CachePart(name="runs", holds="checkpoints of unfinished runs", made_again=False),
    CachePart(name="datasets", holds="downloaded data sets", made_again=False),
)


def size_bytes(folder: Path, part: CachePart) -> int:
    """Return the bytes of a part, 0 where it is not there."""
    return sum(size for _, size in _files(folder / part.name))


def clear(folder: Path, part: CachePart) -> int:
    """Remove a part and return its bytes. A run under way goes on, and decodes again what it misses.

    Raises:
        OSError: something cannot be removed.
    """
    removed = size_bytes(folder, part)
    if part.name == SHARDS and (folder / DATABASE).exists():
        clear_index(folder / DATABASE)
    for path, _ in _files(folder / part.name):
        Path(path).unlink(missing_ok=True)
    _remove_empty_folders(folder / part.name)
    return removed


def describe_cache(folder: Path) -> str:
    """Return what a run leaves behind for the next one, in a line."""
    size = sum(size_bytes(folder, part) for part in PARTS if part.made_again)
    return (
        f"cached, so that the next run on these images is quicker: {size / 1e6:,.0f} MB in {folder} "
        "(python -m training.caches shows and clears it)"
    )


def _remove_empty_folders(part: Path) -> None:
    """Remove the empty folders in a part: an archive whose folder is there counts as unpacked."""
    for root, names, _ in os.walk(part, topdown=False):
        for name in names:
            with suppress(OSError):  # a run has written into it meanwhile
                os.rmdir(os.path.join(root, name))


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    for root, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                path = os.path.join(root, name)
                yield path, os.lstat(path).st_size
