"""From a folder to its audit: check, scan, embed, look."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from training.audit.duplicates import Duplicates
from training.audit.poor_images import PoorImages
from training.audit.result import Audit
from training.audit.scan_audit import audit_scan
from training.backbones.build import Backbone, build_backbone
from training.config import FinetuneConfig
from training.data.folder import Folder
from training.data.folder_summary import describe_folder
from training.data.open_folder import open_folder
from training.data.scan import PixelRows, Scan, UnreadableFile, open_cache, scan_folder
from training.data.views import Views
from training.probing.network_features import compute_features
from training.runtime.arrays import Floats
from training.runtime.progress import Display


@contextmanager
def run_audit(config: FinetuneConfig, display: Display) -> Iterator[tuple[Audit, PixelRows]]:
    """Yield the audit, and the images that it is about by row, readable inside the block.

    What would stop a run is among the findings: the audit goes on as far as it can.

    Raises:
        TrainingError: there is no such folder, or the backbone or its weights cannot be used.
    """
    folder = open_folder(
        config.data,
        config.label_source,
        min_images=config.min_images,
        cache_dir=config.cache_dir,
        limits=config.decode_limits,
    )
    describe_folder(folder, display)
    if not folder.files:
        yield _without_images(folder, ()), np.zeros((0, 1, 1, 3), np.uint8)
        return
    backbone = build_backbone(config)
    views = Views(backbone.spec, for_training=False, limits=config.decode_limits)
    with open_cache(config.cache_dir, views) as cache:
        with display.bar("reading images", len(folder.files)) as advance:
            scan = scan_folder(folder, views, cache, advance=advance, may_lack_classes=True)
        if not scan.images:
            yield _without_images(folder, scan.unreadable), scan.evaluation
            return
        embeddings = _embeddings(scan, backbone, config, display)
        backbone_px = min(backbone.spec.crop_hw)
        audit = audit_scan(scan, embeddings, display, backbone_px=backbone_px, seed=config.seed)
        yield audit, scan.evaluation


def _without_images(folder: Folder, unreadable: tuple[UnreadableFile, ...]) -> Audit:
    """Return what can be said where no image can be looked at."""
    return Audit(
        folder=folder,
        images=(),
        unreadable=unreadable,
        duplicates=Duplicates(exact=(), near=(), every=()),
        suspects=(),
        outliers=(),
        poor=PoorImages(too_small=(), dark=(), blank=(), blurry=()),
        findings=folder.findings,
    )


def _embeddings(
    scan: Scan, backbone: Backbone, config: FinetuneConfig, display: Display
) -> Floats | None:
    """Random weights say nothing about likeness."""
    if config.weights == "none":
        return None
    return compute_features(backbone, scan, display, cache_dir=config.cache_dir).embeddings
