"""From a folder to its audit: scan, embed, look."""

from collections.abc import Iterator
from contextlib import contextmanager

from training.audit.result import Audit
from training.audit.scan_audit import audit_scan
from training.backbones.build import Backbone, build_backbone
from training.config import FinetuneConfig
from training.data.folder_summary import describe_folder
from training.data.layout import read_folder
from training.data.scan import PixelRows, Scan, open_cache, scan_folder
from training.data.views import Views
from training.probing.features import compute_features
from training.runtime.arrays import Floats
from training.runtime.progress import Display


@contextmanager
def run_audit(config: FinetuneConfig, display: Display) -> Iterator[tuple[Audit, PixelRows]]:
    """Yield the audit, and the images that it is about by row, readable inside the block.

    Raises:
        TrainingError: the folder, the backbone or its weights cannot be used.
    """
    folder = read_folder(config.data)
    describe_folder(folder, display)
    backbone = build_backbone(config)
    views = Views(backbone.spec, for_training=False)
    with open_cache(config.cache_dir, views) as cache:
        with display.bar("reading images", len(folder.files)) as advance:
            scan = scan_folder(folder, views, cache, advance=advance)
        embeddings = _embeddings(scan, backbone, config, display)
        backbone_px = min(backbone.spec.crop_hw)
        audit = audit_scan(scan, embeddings, display, backbone_px=backbone_px, seed=config.seed)
        yield audit, scan.evaluation


def _embeddings(
    scan: Scan, backbone: Backbone, config: FinetuneConfig, display: Display
) -> Floats | None:
    """Random weights say nothing about likeness."""
    if config.weights == "none":
        return None
    return compute_features(backbone, scan, display).embeddings
