"""The audit of a scanned folder: every check once, on what is already in memory or in the cache."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from training.audit.duplicates import find_duplicates, group_numbers
from training.audit.findings import write_findings
from training.audit.labels import find_suspect_labels
from training.audit.outliers import find_outliers
from training.audit.quality import find_poor_images
from training.audit.result import Audit, class_counts
from training.data.layout import Folder
from training.data.scan import PixelRows, Quarantined, ScannedImage


def audit_images(
    folder: Folder,
    images: Sequence[ScannedImage],
    quarantined: Sequence[Quarantined],
    embeddings: npt.NDArray[np.float32] | None,
    pixels: PixelRows,
    *,
    backbone_px: int,
    seed: int,
    advance: Callable[[int], None] = lambda _: None,
) -> Audit:
    """Look for everything that would make a model worse than it could be, or its accuracy false.

    Args:
        folder: labels, given splits and the root of paths.
        images: every readable image; `images[n].row` is n.
        quarantined: the files that are not.
        embeddings: (N, D) of a trained trunk by row. Without them (None) altered copies are looked
            for by perceptual hash only, and labels and outliers are not judged.
        pixels: the model's input images by row, (H, W, 3) uint8.
        backbone_px: side of the model's input.
        seed: of the folds by which labels are judged.
        advance: told how many more images were compared.
    """
    duplicates = find_duplicates(images, embeddings, pixels, advance=advance)
    index = {label: number for number, label in enumerate(folder.labels)}
    targets = np.array([index[image.file.label] for image in images], dtype=np.int64)
    groups = group_numbers(duplicates.every, len(images))
    suspects, outliers = [], []
    if embeddings is not None:
        suspects = find_suspect_labels(embeddings, targets, groups, seed=seed)
        outliers = find_outliers(embeddings, targets, groups)
    poor = find_poor_images(images, backbone_px=backbone_px)
    findings = write_findings(
        images=images,
        counts=class_counts(images, folder.labels),
        quarantined=quarantined,
        duplicates=duplicates,
        suspects=suspects,
        outliers=outliers,
        poor=poor,
        backbone_px=backbone_px,
    )
    return Audit(
        folder=folder,
        images=tuple(images),
        quarantined=tuple(quarantined),
        duplicates=duplicates,
        suspects=tuple(suspects),
        outliers=tuple(outliers),
        poor=poor,
        findings=findings,
    )
