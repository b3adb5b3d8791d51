"""One image on a page, as the report's gallery and the audit show it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """One image.

    Attributes:
        photo: a data URL.
        path: of the file, below its folder.
        heat: a data URL of its activation map, or None.
        notes: lines below the picture.
    """

    photo: str
    path: str
    heat: str | None = None
    notes: tuple[str, ...] = ()
