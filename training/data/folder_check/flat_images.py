"""Images that lie in no class folder, where class folders were expected."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from training.data.finding import Finding, counted
from training.data.folder import readable
from training.data.label_pattern import offer_pattern
from training.data.place import Place

_TABLES: Final = (".csv", ".tsv", ".jsonl")


def no_classes(place: Place, root: Place) -> list[Finding]:
    """Refuse a folder that has one class or none, or no images in any."""
    if not place.num_images and place.subplaces:
        return [_no_images(place)]
    subs = place.subplaces
    where = "has" if place is root else f"has, in {place.path.name!r},"
    if subs:
        (only, *_) = subs
        have = f"only the class {readable(only.name)!r} ({counted(only.num_images, 'image')})"
    else:
        have = "no class folders"
    step = "put the images into at least two subfolders, one per class"
    if loose := [path.name for path in place.images()]:
        have += f" and {counted(len(place.folder.images), 'image')} in no class folder" * bool(
            place.folder.images
        )
        step += f", {offer_pattern(loose)}or {_labels_file(root)}"
    if other := _archive_inside(root):
        step = f"{step}; {other}"
    return [
        Finding(
            kind="no_classes",
            severity="error",
            message=f"{str(root.path)!r} {where} {have}",
            count=place.num_images,
            next_step=step,
        )
    ]


def no_labelled_training(place: Place, root: Place, splits: Sequence[Place]) -> list[Finding]:
    """Refuse splits that hold images without class folders: they are no classes either."""
    names = ", ".join(f"{readable(s.name)}/ ({counted(s.num_images, 'image')})" for s in splits)
    training = max(splits, key=lambda sub: sub.num_images)
    offered = offer_pattern([path.name for path in training.images()])
    return [
        Finding(
            kind="flat_splits",
            severity="error",
            cost="labels",
            message=f"{names} look like splits, not classes, and there is no train/ with class folders",
            count=sum(sub.num_images for sub in splits),
            example=next(training.images()).relative_to(place.path).as_posix(),
            next_step=f"put the images of train/ into one subfolder per class, {offered}or "
            f"{_labels_file(root)}",
        )
    ]


def unlabelled_splits(splits: Sequence[Place]) -> list[Finding]:
    """Say which splits have images and no class folders, beside one that has."""
    return [
        Finding(
            kind="unlabelled_split",
            severity="warning",
            message=f"{counted(sub.num_images, 'image')} of {readable(sub.name)}/ left out: they are "
            "in no class folder",
            count=sub.num_images,
            example=next(sub.images()).name,
            next_step="put them into one subfolder per class if their labels are known",
        )
        for sub in splits
    ]


def _no_images(place: Place) -> Finding:
    """Return the finding for class folders of which none holds an image that is read."""
    kinds = Counter(kind for _, folder in place.folders() for _, kind in folder.others)
    listed = ", ".join(kind.counted(number) for kind, number in kinds.most_common(3))
    pictures = any(kind.holds_picture for kind in kinds)
    step = (
        "convert them to JPEG or PNG"
        if pictures
        else "put the images of each class into its folder"
    )
    return Finding(
        kind="no_classes",
        severity="error",
        message=f"{str(place.path)!r} has {counted(len(place.subplaces), 'subfolder')} and no image that is "
        f"read in any" + (f", but {listed}" if listed else ""),
        count=kinds.total(),
        next_step=step,
    )


def _labels_file(root: Place) -> str:
    """Return words that offer a file of labels, with the name of one that lies in the folder."""
    tables = [name for name, _ in root.folder.others if name.lower().endswith(_TABLES)]
    if not tables:
        return "give a file of labels with --labels FILE"
    likely = min(
        tables, key=lambda name: ("label" not in name.lower(), "train" not in name.lower())
    )
    file = readable(str(root.path / likely))
    return f"give a file of labels, such as --labels '{file}'"


def _archive_inside(root: Place) -> str | None:
    """Return words about an archive in the folder, which a person may have meant."""
    for path, folder in root.folders():
        for name, kind in folder.others:
            if "archive" in kind.name:
                return f"or unpack {str(path.relative_to(root.path) / name)!r}, or give it as DATA"
    return None
