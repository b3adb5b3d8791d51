"""The embeddings of horizontally flipped images, each computed once."""

from dataclasses import dataclass

import numpy as np

from training.data.scan import PixelRows
from training.probing.embeddings import compute_embeddings
from training.probing.features import Features
from training.runtime.arrays import Floats, Integers
from training.runtime.progress import Display


@dataclass(slots=True)
class FlippedEmbeddings:
    """Those that are known, (M, D), of the images at `rows` (M,); `of` computes what is missing."""

    features: Features
    pixels: PixelRows
    display: Display
    rows: Integers
    embeddings: Floats

    @classmethod
    def none_yet(
        cls, features: Features, pixels: PixelRows, display: Display
    ) -> "FlippedEmbeddings":
        """Return them before any was computed."""
        width = features.embeddings.shape[1]
        return cls(
            features=features,
            pixels=pixels,
            display=display,
            rows=np.empty(0, dtype=np.int64),
            embeddings=np.empty((0, width), dtype=np.float32),
        )

    def seconds_of(self, rows: Integers) -> float:
        """Return how long `of` will take, by what the features of all images took."""
        share = len(self._missing(rows)) / len(self.features.embeddings)
        return self.features.embedding_s * share

    def of(self, rows: Integers) -> Floats:
        """Return the embeddings of the flipped images at `rows`, (len(rows), D)."""
        missing = self._missing(rows)
        if len(missing):
            title = "computing features of flipped images"
            with self.display.bar(title, len(missing)) as advance:
                found = compute_embeddings(
                    self.features.trunk, self.pixels, missing, flipped=True, advance=advance
                )
            self.rows = np.concatenate([self.rows, missing])
            self.embeddings = np.concatenate([self.embeddings, found])
        order = np.argsort(self.rows)
        return self.embeddings[order[np.searchsorted(self.rows, rows, sorter=order)]]

    def _missing(self, rows: Integers) -> Integers:
        return rows[~np.isin(rows, self.rows)]
