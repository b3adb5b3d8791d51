"""From a folder to its analysis: scan, embed, audit, write."""

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from studio.analysis.analysis_file import Analysis, ImageRow, Suspect, write_analysis
from training.audit.duplicates import group_numbers
from training.audit.result import Audit
from training.audit.scan_audit import audit_scan
from training.backbones.build import build_backbone
from training.config import FinetuneConfig
from training.data.layout import raise_errors
from training.data.open_folder import open_folder
from training.data.scan import Scan, open_cache, scan_folder
from training.data.views import Views
from training.errors import DataError
from training.probing.features import Features
from training.probing.network_features import compute_features
from training.runtime.arrays import Doubles, Floats
from training.runtime.progress import Display


def look_at_folder(config: FinetuneConfig, into: Path, display: Display) -> None:
    """Analyse a folder and write the result into another.

    Raises:
        TrainingError: the folder cannot be used.
    """
    began = time.monotonic()
    folder = open_folder(config.data, config.label_source, cache_dir=config.cache_dir)
    if not folder.files:
        raise_errors(folder)
        raise DataError(
            f"{str(config.data)!r} has no images; put some into it, a subfolder per class"
        )
    with display.stage("loading the backbone"):
        backbone = build_backbone(config)
    views = Views(backbone.spec, for_training=False)
    with open_cache(config.cache_dir, views) as cache:
        with display.bar("reading images", len(folder.files)) as advance:
            scan = scan_folder(folder, views, cache, advance=advance, may_lack_classes=True)
        if not scan.images:
            raise DataError(
                f"no image of {str(config.data)!r} can be read; the first: {_first(scan)}"
            )
        features = compute_features(backbone, scan, display, cache_dir=config.cache_dir)
        audit = audit_scan(
            scan,
            features.embeddings,
            display,
            backbone_px=min(backbone.spec.crop_hw),
            seed=config.seed,
            tolerated=("leakage", "conflicting_labels"),
        )
    analysis = _analysis(audit, features, seconds=time.monotonic() - began)
    write_analysis(into, analysis)


def _first(scan: Scan) -> str:
    bad = scan.unreadable[0]
    return f"{scan.folder.relative(bad.file)!r}: {bad.reason}"


def _analysis(audit: Audit, features: Features, *, seconds: float) -> Analysis:
    index = {label: number for number, label in enumerate(audit.folder.labels)}
    num_images = len(audit.images)
    check = audit.label_check
    return Analysis(
        labels=audit.folder.labels,
        images=tuple(
            ImageRow(
                path=audit.path(image.row),
                sha256=image.sha256,
                label=index[image.file.label],
                split=image.file.split,
                width_px=image.facts.width_px,
                height_px=image.facts.height_px,
            )
            for image in audit.images
        ),
        suspects=tuple(
            Suspect(row=s.row, suggested=s.suggested, score=s.score) for s in audit.suspects
        ),
        conflicts=audit.conflicts,
        outliers=tuple(outlier.row for outlier in audit.outliers),
        findings=audit.findings,
        unreadable=tuple((audit.folder.relative(u.file), u.reason) for u in audit.unreadable),
        seconds=seconds,
        embedding_s=features.embedding_s,
        embeddings=unit_embeddings(features.embeddings),
        confidence=_filled(None if check is None else check.confidence, num_images),
        likeliest=np.zeros(num_images, np.int32)
        if check is None
        else check.likeliest.astype(np.int32),
        groups=group_numbers(audit.duplicate_groups, num_images).astype(np.int32),
    )


def _filled(values: Doubles | None, num_images: int) -> Floats:
    return np.ones(num_images, np.float32) if values is None else values.astype(np.float32)


def unit_embeddings(embeddings: Floats) -> npt.NDArray[np.float16]:
    """Return (N, D) centred, or all would point the same way, and of length 1."""
    centred = embeddings - embeddings.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True).clip(min=1e-6)
    unit: npt.NDArray[np.float16] = (centred / lengths).astype(np.float16)
    return unit
