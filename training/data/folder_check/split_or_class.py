"""A folder named like a split among folders that are classes."""

from training.data.finding import Finding, counted, named
from training.data.folder import readable
from training.data.folder_check.nested_classes import level_pattern
from training.data.place import Place
from training.data.split_names import split_names


def split_or_class(place: Place, root: Place) -> list[Finding]:
    """Ask about `test`, which is hardly ever a class; say that `train`, or `val`, was taken for one."""
    meant = split_names(sub.name for sub in place.with_images)
    others = [sub for sub in place.with_images if sub.name not in meant]
    if not meant or not others:
        return []
    depth = len(place.path.relative_to(root.path).parts)
    (first, *_) = sorted(meant, key=lambda name: (meant[name] != "test", name))
    split = next(sub for sub in place.with_images if sub.name == first)
    beside = named((readable(sub.name) for sub in others), most=3)
    what = f"{readable(first)!r} ({counted(split.num_images, 'image')}) lies beside {beside}"
    if meant[first] == "test":
        return [
            Finding(
                kind="split_or_class",
                severity="error",
                cost="labels",
                message=f"{what}: it looks like test images, not like a class",
                count=split.num_images,
                next_step="move it out of the folder, or, if it is a class, add "
                f"--label-from '{level_pattern(depth)}'",
            )
        ]
    return [
        Finding(
            kind="split_name_as_class",
            severity="warning",
            cost="labels",
            message=f"{what} and was taken for a class",
            count=split.num_images,
            next_step="move it out of the folder if it is a split",
        )
    ]
