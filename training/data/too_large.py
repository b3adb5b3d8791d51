"""Images that only a limit keeps out: which option lets them in."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from inference.errors import ImageTooLarge


@dataclass(frozen=True, slots=True)
class NeededLimits:
    """What an image, or several, need to be admitted; 0 where the limit is wide enough."""

    pixels: int = 0
    image_bytes: int = 0

    def __bool__(self) -> bool:
        return bool(self.pixels or self.image_bytes)

    @property
    def options(self) -> str:
        """The options of a run, an audit or an evaluation that admit them; empty where none does."""
        pixels = [f"--max-pixels {self.pixels}"] if self.pixels else []
        size = [f"--max-image-bytes {self.image_bytes}"] if self.image_bytes else []
        return " ".join(pixels + size)


def needed_limits(err: ImageTooLarge, path: Path) -> NeededLimits:
    """Return what would admit a refused file."""
    size = path.stat().st_size if err.over_bytes else 0
    return NeededLimits(err.needed_pixels or 0, size)


def joined_limits(all_needed: Iterable[NeededLimits]) -> NeededLimits:
    """Return what admits all of them."""
    every = list(all_needed)
    return NeededLimits(
        max((one.pixels for one in every), default=0),
        max((one.image_bytes for one in every), default=0),
    )


def with_options(err: Exception, path: Path) -> str:
    """Return an error's words, with the option that admits an image that is only too large."""
    needed = needed_limits(err, path) if isinstance(err, ImageTooLarge) else NeededLimits()
    return f"{err}, or add {needed.options}" if needed else str(err)
