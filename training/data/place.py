"""A folder somewhere below the data folder, with its path and what lies in it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from inference.find_package import suggestion
from inference.folder_tree import TreeFolder, read_tree, walk
from training.data.finding import quoted
from training.data.folder import UNKNOWN_FOLDER
from training.errors import DataError


@dataclass(frozen=True, kw_only=True)
class Place:
    """`above` are the real paths of the folders between the data folder and this one: links to them lead in
    circles, and would bring other classes' images in.
    """

    path: Path
    folder: TreeFolder
    above: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        """The folder's own name, as it is on the disk."""
        return self.path.name

    @cached_property
    def num_images(self) -> int:
        """Image files in it and below."""
        return sum(len(folder.images) for _, folder in self._walk())

    @cached_property
    def subplaces(self) -> tuple["Place", ...]:
        """The folders in it, by name, but for `_unknown`."""
        above = self.above | {self.folder.real}
        return tuple(
            Place(path=self.path / name, folder=folder, above=above)
            for name, folder in self.folder.subfolders.items()
            if name != UNKNOWN_FOLDER and folder.real not in above
        )

    @property
    def with_images(self) -> tuple["Place", ...]:
        """Those of them that hold images, also deeper."""
        return tuple(sub for sub in self.subplaces if sub.num_images)

    def images(self) -> Iterator[Path]:
        """Yield the image files in it and below; a folder's own come before its subfolders'."""
        for path, folder in self._walk():
            for name in folder.images:
                yield path / name

    def folders(self) -> Iterator[tuple[Path, TreeFolder]]:
        """Yield it and the folders below, each real folder once."""
        return self._walk()

    def unknown(self) -> "Place | None":
        """Return the folder `_unknown` in it, where there is one."""
        folder = self.folder.subfolders.get(UNKNOWN_FOLDER)
        if folder is None:
            return None
        above = self.above | {self.folder.real}
        return Place(path=self.path / UNKNOWN_FOLDER, folder=folder, above=above)

    def _walk(self) -> Iterator[tuple[Path, TreeFolder]]:
        return walk(self.folder, self.path, above=self.above)


def look_at(
    root: Path,
    *,
    name: str = "data folder",
    give: str = "a folder with one subfolder per class, or a zip or tar archive of one",
) -> Place:
    """Look at a folder of images: DATA, or what `name` says.

    Raises:
        DataError: it is missing, or a folder in it may not be read: nobody knows what is missing.
    """
    if not root.is_dir():
        kind = "is a file" if root.exists() else "does not exist"
        meant = "" if root.exists() else suggestion(root)
        raise DataError(f"{name} {quoted(str(root))} {kind}{meant or f'; give {give}'}")
    place = Place(path=root, folder=read_tree(root))
    for path, folder in place.folders():
        if folder.problem is not None:
            raise DataError(
                f"folder {str(path)!r} may not be read ({folder.problem.strerror}); change its "
                "permissions"
            )
    return place
