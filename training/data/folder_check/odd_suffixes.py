"""Images whose names do not say so: `photo.jpg_large`, `x.jpg?w=200`, `IMG_1.JPG.1`, `3f9ab2`."""

from training.data.finding import Finding, counted
from training.data.folder import readable
from training.data.place import Place


def odd_suffixes(root: Place) -> list[Finding]:
    """Say how many images were told by their first bytes alone."""
    names = [
        readable(str(path.relative_to(root.path) / name))
        for path, folder in root.folders()
        for name in folder.odd
    ]
    if not names:
        return []
    verb = "was" if len(names) == 1 else "were"
    return [
        Finding(
            kind="odd_suffixes",
            severity="info",
            message=f"{counted(len(names), 'file')} without an image's suffix {verb} taken: the first "
            "bytes are an image's",
            count=len(names),
            example=names[0],
            next_step="give them their suffix if other programs are to know them",
        )
    ]
