"""A candidate's features of images, computed as they are asked for and kept."""

import time
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from training.backbone_choice.cross_validation import ChoiceImages
from training.backbone_choice.opened_candidate import OpenedCandidate
from training.backbones.build import Backbone
from training.data.folder import Folder
from training.data.scan import StoredPixels, open_cache, scan_folder
from training.data.views import Views
from training.errors import DataError
from training.probing.embeddings import compute_embeddings
from training.probing.features import Features
from training.probing.network_features import keep_export
from training.runtime.arrays import Floats, Integers
from training.runtime.progress import Display

STAGE: Final = "trying backbones"


@dataclass(slots=True, kw_only=True)
class ImageEntrant:
    """A backbone in the comparison.

    Attributes:
        opened: the backbone.
        images: what it is compared on.
        folder: where these lie.
        kept: embeddings (D,) by `ScannedImage.row`, of what was computed so far.
        embedding_s: seconds that computing them took, without reading the images.
    """

    opened: OpenedCandidate
    images: ChoiceImages
    folder: Folder
    display: Display
    kept: dict[int, Floats] = field(default_factory=dict)
    embedding_s: float = 0.0

    @property
    def expected_image_s(self) -> float:
        """Seconds that one image's features take; nothing where they are there."""
        return 0.0 if self.kept else self.opened.ms / 1000

    def embed(self, positions: Integers) -> Floats:
        """Return the embeddings (M, D) of the images at some positions (M,)."""
        rows = [self.images.images[position].row for position in positions.tolist()]
        missing = [
            p for p, row in zip(positions.tolist(), rows, strict=True) if row not in self.kept
        ]
        if missing:
            self._compute(missing)
        return np.stack([self.kept[row] for row in rows]) if rows else np.zeros((0, 0), np.float32)

    def _compute(self, positions: list[int]) -> None:
        wanted = [self.images.images[position] for position in positions]
        config = self.opened.config
        views = Views(self.opened.spec, for_training=False, limits=config.decode_limits)
        part = replace(
            self.folder, files=tuple(image.file for image in wanted), labels=(), given_splits=()
        )
        with (
            open_cache(config.cache_dir, views) as cache,
            self.display.bar(STAGE, len(wanted)) as advance,
        ):
            scan = scan_folder(part, views, cache)
            if [image.sha256 for image in scan.images] != [image.sha256 for image in wanted]:
                raise DataError("a photo has changed during the run; start the run again")
            began = time.monotonic()
            embeddings = compute_embeddings(
                self.opened.exported.graph, scan.evaluation, np.arange(len(wanted)), advance=advance
            )
            self.embedding_s += time.monotonic() - began
            self._keep_export(scan.evaluation, embeddings)
        self.kept.update((image.row, one) for image, one in zip(wanted, embeddings, strict=True))

    def _keep_export(self, pixels: StoredPixels, embeddings: Floats) -> None:
        """Keep the export for runs to come, with what PyTorch sees in some of the first images."""
        backbone, exported = self.opened.backbone, self.opened.exported
        if self.kept or not isinstance(backbone, Backbone):
            return
        features = Features(exported=exported, embeddings=embeddings, embedding_s=0.0)
        keep_export(backbone, features, pixels, self.opened.config)
