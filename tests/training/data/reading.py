"""Scan and split a small folder as a run does, with a cache of the test's own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from inference.decoding import OWN_FILES_LIMITS, DecodeLimits
from inference.preprocessing import PreprocessSpec
from training.data.cache import PixelCache
from training.data.image_facts import FACTS_VERSION
from training.data.layout import read_folder
from training.data.scan import Scan, scan_folder
from training.data.split import Dataset, Frozen, split_images
from training.data.split_groups import group_images
from training.data.views import Views

SPEC: Final = PreprocessSpec(
    resize_shorter_px=20,
    crop_hw=(16, 16),
    interpolation="bicubic",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)

# Scans read their pixels from the cache for as long as a test wants; the session's end closes all.
OPENED: Final[list[PixelCache]] = []


def open_cache(
    folder: Path, *, spec: PreprocessSpec = SPEC, for_training: bool = True
) -> PixelCache:
    """Open a cache for the views of `spec`."""
    views = Views(spec, for_training)
    cache = PixelCache.open(folder, views=views.names, facts_version=FACTS_VERSION)
    OPENED.append(cache)
    return cache


def read(
    root: Path,
    work: Path,
    *,
    spec: PreprocessSpec = SPEC,
    for_training: bool = True,
    limits: DecodeLimits = OWN_FILES_LIMITS,
) -> Scan:
    """Scan a folder; the cache lies in `work` and stays open for the scan's pixels."""
    cache = open_cache(work / "cache", spec=spec, for_training=for_training)
    return scan_folder(read_folder(root), Views(spec, for_training, limits), cache)


def split(
    scan: Scan,
    *,
    seed: int = 0,
    joined: Sequence[Sequence[int]] = (),
    group_by: str | None = None,
    frozen: Frozen | None = None,
) -> Dataset:
    """Split a scan as a run does."""
    return split_images(
        scan.images,
        group_images(scan.images, joined, pattern=group_by, root=scan.folder.root),
        scan.folder.labels,
        given=scan.folder.given_splits,
        seed=seed,
        frozen=frozen or {},
        pixels=scan.evaluation,
        training_pixels=scan.training,
    )
