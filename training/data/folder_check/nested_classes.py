"""Class folders that all have the same subfolders: the classes are probably one level down."""

from typing import Final

from training.data.finding import Finding, counted, named
from training.data.folder import readable
from training.data.place import Place

_SHARED: Final = 0.5


def classes_one_level_down(place: Place, root: Place) -> list[Finding]:
    """Ask which level names the classes, where both could."""
    outer = place.with_images
    inner = [{sub.name for sub in one.with_images} for one in outer]
    if len(outer) < 2 or any(one.folder.images for one in outer) or min(map(len, inner)) < 2:
        return []
    common, every = set.intersection(*inner), set.union(*inner)
    if len(common) < 2 or len(common) < _SHARED * len(every):
        return []
    depth = len(place.path.relative_to(root.path).parts)
    return [
        Finding(
            kind="classes_one_level_down",
            severity="error",
            cost="labels",
            message=f"the {counted(len(outer), 'folder')} {named(readable(one.name) for one in outer)} "
            f"have the same subfolders {named(map(readable, sorted(common)))}: either level may be "
            "the classes",
            count=place.num_images,
            next_step=f"add --label-from '{level(depth + 1)}' to take the inner folders as classes, or "
            f"--label-from '{level(depth)}' to take the outer ones",
        )
    ]


def level(depth: int) -> str:
    """Return the pattern whose group is the folder at that depth of a path, 0 being the outermost."""
    return f"^{'[^/]+/' * depth}([^/]+)/"
