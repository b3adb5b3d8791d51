"""The frozen backbone's view of a folder: its exported trunk and the embedding of every image."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import onnx

from training.data.scan import Scan, StoredPixels
from training.export.trunk_reference import TrunkReference
from training.probing.embeddings import compute_embeddings
from training.runtime.arrays import Floats
from training.runtime.progress import Display

if TYPE_CHECKING:  # imports PyTorch, which a cached trunk does without
    from training.networks.transfer_network import TransferNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedTrunk:
    """A trunk, exported in this run or in one before.

    Attributes:
        graph: its export.
        export_s: the seconds that the export takes, or took when it was cached.
        network: what it was exported from, None where it was cached and PyTorch is not imported.
        reference: what PyTorch saw in a few images, None where the network is there to be asked.
    """

    graph: onnx.ModelProto
    export_s: float
    network: "TransferNetwork | None" = None
    reference: TrunkReference | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """A backbone's view of a folder.

    The head of the trunk's network is not used; `embeddings` (N, D) are by `ScannedImage.row`;
    `embedding_s` is the seconds that they took.
    """

    exported: ExportedTrunk
    embeddings: Floats
    embedding_s: float

    @property
    def trunk(self) -> onnx.ModelProto:
        """The exported trunk."""
        return self.exported.graph

    @property
    def export_s(self) -> float:
        """The seconds that the export took."""
        return self.exported.export_s

    @property
    def network(self) -> "TransferNetwork":
        """The network that the trunk was exported from; not there where the trunk was cached."""
        network = self.exported.network
        assert network is not None, "a cached trunk has no network"
        return network


def embed(exported: ExportedTrunk, pixels: StoredPixels, display: Display) -> Features:
    """Compute the embeddings of all of `pixels` with an exported trunk."""
    began = time.monotonic()
    with display.bar("computing features", len(pixels)) as advance:
        rows = np.arange(len(pixels))
        embeddings = compute_embeddings(exported.graph, pixels, rows, advance=advance)
    return Features(exported=exported, embeddings=embeddings, embedding_s=time.monotonic() - began)


def features_beside(
    known: Mapping[int, Floats],
    exported: ExportedTrunk,
    scan: Scan,
    display: Display,
    *,
    known_s: float,
) -> Features:
    """Return every image's embedding, of which some are `known` by row and took `known_s` seconds."""
    rows = np.array([i for i in range(len(scan.images)) if i not in known], dtype=np.int64)
    began = time.monotonic()
    with display.bar("computing features", len(rows)) as advance:
        missing = compute_embeddings(exported.graph, scan.evaluation, rows, advance=advance)
    every = dict(known) | dict(zip(rows.tolist(), missing, strict=True))
    return Features(
        exported=exported,
        embeddings=np.stack([every[row] for row in range(len(scan.images))]),
        embedding_s=known_s + time.monotonic() - began,
    )
