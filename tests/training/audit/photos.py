"""Photo-like images for the audit: each has texture of its own, as no two photos share it."""

import io
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.console import Console

from inference.preprocessing import PreprocessSpec
from tests.training.data.reading import read
from training.audit.result import Audit
from training.audit.scan_audit import audit_scan
from training.data.scan import Scan
from training.runtime.progress import Display

SIDE_PX: Final = 128
SPEC: Final = PreprocessSpec(
    resize_shorter_px=SIDE_PX,
    crop_hw=(SIDE_PX, SIDE_PX),
    interpolation="bicubic",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)


def photo(seed: int, *, tint: tuple[int, int, int] = (128, 128, 128)) -> Image.Image:
    """Return a 160 x 160 image: large shapes and small ones, of about one tint."""
    rng = np.random.default_rng(seed)
    grey = sum(
        np.asarray(
            Image.fromarray(rng.normal(0, 30, (cells, cells)).astype(np.float32)).resize((160, 160))
        )
        for cells in (8, 40)
    )
    pixels = np.array(tint) + np.asarray(grey)[..., None]
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def model_input(image: Image.Image) -> npt.NDArray[np.uint8]:
    """Return the image as the model would see it, (H, W, 3)."""
    return np.asarray(image.resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC))


def write_photos(folder: Path, seeds: Sequence[int], tint: tuple[int, int, int]) -> list[Path]:
    """Write one photo a seed into `folder`, which is made; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{seed}.png" for seed in seeds]
    for seed, path in zip(seeds, paths, strict=True):
        photo(seed, tint=tint).save(path)
    return paths


def small_colours(scan: Scan) -> npt.NDArray[np.float32]:
    """Return an embedding that tells tints apart, and a photo from another: 4 x 4 mean colours."""
    parts = SIDE_PX // 4
    images = scan.evaluation[np.arange(len(scan.images))].astype(np.float32)
    cells = images.reshape(len(images), 4, parts, 4, parts, 3).mean(axis=(2, 4))
    flat: npt.NDArray[np.float32] = cells.reshape(len(images), -1)
    return flat


def audit_folder(
    root: Path, work: Path, *, embedded: bool = True, tolerated: Collection[str] = ()
) -> Audit:
    """Scan and audit a folder."""
    scan = read(root, work, spec=SPEC, for_training=False)
    return audit_photos(scan, embedded=embedded, tolerated=tolerated)


def audit_photos(
    scan: Scan,
    *,
    embedded: bool = True,
    tolerated: Collection[str] = (),
    backbone_px: int = SIDE_PX,
) -> Audit:
    """Audit what was scanned."""
    embeddings = small_colours(scan) if embedded else None
    display = Display(Console(file=io.StringIO()))
    return audit_scan(
        scan, embeddings, display, backbone_px=backbone_px, seed=0, tolerated=tolerated
    )
