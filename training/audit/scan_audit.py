"""The audit of a scanned folder: every check once, on what is already in memory or in the cache."""

from collections.abc import Collection

import numpy as np

from training.audit.duplicates import find_duplicates, group_numbers
from training.audit.findings import write_findings
from training.audit.outliers import find_outliers
from training.audit.poor_images import find_poor_images
from training.audit.principal_components import main_components
from training.audit.result import Audit, class_counts
from training.audit.suspect_labels import check_labels
from training.data.scan import Scan
from training.runtime.arrays import Floats
from training.runtime.progress import Display


def audit_scan(
    scan: Scan,
    embeddings: Floats | None,
    display: Display,
    *,
    backbone_px: int,
    seed: int,
    tolerated: Collection[str] = (),
) -> Audit:
    """Look for everything that would make a model worse than it could be, or its accuracy false.

    Args:
        scan: the folder, its readable images and their pixels as the model sees them.
        embeddings: (N, D) of a trained trunk by row. Without them (None) altered copies are looked
            for by perceptual hash only, and labels are not checked and no outliers looked for.
        display: shows how far the comparing is.
        backbone_px: side of the model's input.
        seed: of the folds by which labels are checked.
        tolerated: kinds of findings that would stop a run but for its options.
    """
    folder, images = scan.folder, scan.images
    if embeddings is not None:
        embeddings = main_components(embeddings)
    with display.bar("comparing images", len(images)) as advance:
        duplicates = find_duplicates(images, embeddings, scan.evaluation, advance=advance)
    index = {label: number for number, label in enumerate(folder.labels)}
    targets = np.array([index[image.file.label] for image in images], dtype=np.int64)
    groups = group_numbers(duplicates.every, len(images))
    label_check, outliers = None, []
    if embeddings is not None:
        with display.stage("checking labels"):
            label_check = check_labels(embeddings, targets, groups, seed=seed)
            outliers = find_outliers(embeddings, targets, groups)
    suspects = [] if label_check is None else label_check.suspects(targets)
    poor = find_poor_images(images, backbone_px=backbone_px)
    findings = write_findings(
        folder=folder,
        images=images,
        counts=class_counts(images, folder.labels),
        unreadable=scan.unreadable,
        duplicates=duplicates,
        suspects=suspects,
        outliers=outliers,
        poor=poor,
        backbone_px=backbone_px,
        tolerated=tolerated,
    )
    return Audit(
        folder=folder,
        images=images,
        unreadable=scan.unreadable,
        duplicates=duplicates,
        suspects=tuple(suspects),
        label_check=label_check,
        outliers=tuple(outliers),
        poor=poor,
        findings=findings,
    )
