"""The folder check: one look at the data before anything else, the same for a run, a dry run and an audit."""

from dataclasses import replace
from pathlib import Path

from inference.decoding import OWN_FILES_LIMITS, DecodeLimits
from training.data.cache import default_cache_dir
from training.data.finding import costliest_first
from training.data.folder import Folder
from training.data.folder_check.empty_or_small_classes import check_class_sizes
from training.data.layout import look_at_folder
from training.data.unpacked_archive import is_archive, unpack
from training.label_source import LabelSource


def open_folder(
    data: Path,
    source: LabelSource,
    *,
    min_images: int | None = None,
    cache_dir: Path | None = None,
    limits: DecodeLimits = OWN_FILES_LIMITS,
) -> Folder:
    """Look at a folder, or at an archive, which is unpacked into the cache.

    What would stop a run is among the findings; `raise_errors` stops it.

    Args:
        data: a folder, or a zip or tar archive.
        source: where labels come from, if not from folder names.
        min_images: classes of fewer readable images are left out.
        cache_dir: where an archive is unpacked; the user's cache folder if None.
        limits: images over them count as unreadable.

    Raises:
        DataError: there is nothing to look at, or it may not be read.
        ConfigError: an option about labels cannot be used.
    """
    archive = unpack(data, cache_dir or default_cache_dir()) if is_archive(data) else None
    folder = look_at_folder(data if archive is None else archive.folder, source)
    if archive is not None:
        findings = costliest_first([*archive.findings, *folder.findings])
        folder = replace(folder, findings=findings)
    if not folder.files:
        return folder
    return check_class_sizes(folder, min_images=min_images, limits=limits)
