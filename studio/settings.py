"""What the studio is started with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Of one studio.

    Attributes:
        models_dir: where models and the workspaces of the projects are.
        roots: folders below which the person may choose; real paths.
        secret: what an address or a cookie must hold.
        hosts: the `Host` headers that this studio answers to, with port.
        cache_dir: where thumbnails are kept.
        keep_dir: where a service keeps images.
    """

    models_dir: Path
    roots: tuple[Path, ...]
    secret: str
    hosts: frozenset[str]
    cache_dir: Path
    keep_dir: Path = Path("kept")

    def __post_init__(self) -> None:
        if len(self.secret) < 16:
            raise ValueError("the studio's secret needs 16 characters or more")
