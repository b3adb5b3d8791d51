"""From a folder of unlabelled photos to a pile: scan, embed, ask the model where there is one."""

from collections.abc import Set
from pathlib import Path

import numpy as np

from inference.classifier import Classifier
from inference.package import read_package
from inference.session import SessionConfig
from studio.analysis.look_at_folder import unit_embeddings
from studio.piles.pile_file import Pile, PileImage, write_pile
from training.assessment.file_predictions import predict_files
from training.backbones.build import build_backbone
from training.config import FinetuneConfig
from training.data.folder import Folder, ImageFile
from training.data.place import look_at
from training.data.scan import Scan, ScannedImage, open_cache, scan_folder
from training.data.views import Views
from training.errors import DataError
from training.probing.network_features import compute_features
from training.runtime.arrays import Floats
from training.runtime.progress import Display

# What needs no classes: a backbone's head has some all the same.
_NO_CLASS = "unlabelled"


def look_at_pile(
    config: FinetuneConfig,
    model: Path | None,
    into: Path,
    display: Display,
    *,
    only: Set[str] | None = None,
) -> None:
    """Look at a pile, or at its files of some names, and write what was found into a folder.

    Raises:
        TrainingError: the folder cannot be used.
        InferenceError: the model cannot be used.
    """
    folder = _as_folder(config.data, only)
    with display.stage("loading the backbone"):
        backbone = build_backbone(config)
    views = Views(backbone.spec, for_training=False)
    with open_cache(config.cache_dir, views) as cache:
        with display.bar("reading images", len(folder.files)) as advance:
            scan = scan_folder(folder, views, cache, advance=advance, may_lack_classes=True)
        if not scan.images:
            raise DataError(f"{str(config.data)!r} has no images that can be read")
        embeddings = compute_features(
            backbone, scan, display, cache_dir=config.cache_dir
        ).embeddings
    once = _each_content_once(scan)
    labels, probabilities = _guesses(model, once, display)
    pile = Pile(
        folder=str(config.data),
        images=tuple(PileImage(path=folder.relative(i.file), sha256=i.sha256) for i in once),
        unreadable=tuple((folder.relative(u.file), u.reason) for u in scan.unreadable),
        labels=labels,
        embeddings=unit_embeddings(embeddings[[image.row for image in once]]),
        probabilities=probabilities,
    )
    write_pile(into, pile)


def _as_folder(root: Path, only: Set[str] | None) -> Folder:
    files = tuple(
        ImageFile(path=path, label=_NO_CLASS, split=None)
        for path in look_at(root).images()
        if only is None or path.name in only
    )
    return Folder(
        root=root, labels=(_NO_CLASS, f"no {_NO_CLASS}"), files=files, ignored={}, given_splits=()
    )


def _each_content_once(scan: Scan) -> list[ScannedImage]:
    seen: dict[str, ScannedImage] = {}
    for image in scan.images:
        seen.setdefault(image.sha256, image)
    return list(seen.values())


def _guesses(
    model: Path | None, images: list[ScannedImage], display: Display
) -> tuple[tuple[str, ...], Floats]:
    if model is None:
        return (), np.zeros((len(images), 0), np.float32)
    classifier = Classifier.load(read_package(model), session=SessionConfig(provider="auto"))
    with display.bar("predicting", len(images)) as advance:
        answered = predict_files(classifier, [image.file for image in images], advance=advance)
    # A file that has gone meanwhile is as uncertain as can be.
    labels = classifier.manifest.labels
    place = {file.path: row for row, file in enumerate(answered.files)}
    even = np.full(len(labels), 1 / len(labels), np.float32)
    rows = [place.get(image.file.path) for image in images]
    found = [even if row is None else answered.probabilities[row] for row in rows]
    return labels, np.stack(found)
