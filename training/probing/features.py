"""The frozen backbone's view of a folder: its exported trunk and the embedding of every image."""

import copy
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from inference.preprocessing import PreprocessSpec
from training.backbones.build import Backbone
from training.data.scan import Scan, StoredPixels
from training.export.onnx_graph import export_trunk
from training.networks.linear_head import LinearHead
from training.networks.transfer_network import TransferNetwork
from training.probing.embeddings import compute_embeddings
from training.runtime.arrays import Floats
from training.runtime.progress import Display


@dataclass(frozen=True, slots=True, kw_only=True)
class Features:
    """A backbone's view of a folder.

    The head of `network` is not used; `embeddings` (N, D) are by `ScannedImage.row`; `export_s`
    and `embedding_s` are the seconds that export and embeddings took.
    """

    network: TransferNetwork
    trunk: onnx.ModelProto
    embeddings: Floats
    export_s: float
    embedding_s: float

    def network_with(self, head: LinearHead) -> TransferNetwork:
        """Return a copy of the network with a head, in evaluation mode."""
        network = copy.deepcopy(self.network)
        network.set_linear_head(head)
        return network.eval()


def compute_features(backbone: Backbone, scan: Scan, display: Display) -> Features:
    """Export the frozen backbone and compute every image's embedding once."""
    network = TransferNetwork(backbone, len(scan.folder.labels))
    return features_of(network, backbone.spec, scan.evaluation, display)


def features_beside(
    known: Mapping[int, Floats],
    backbone: Backbone,
    scan: Scan,
    display: Display,
    *,
    known_s: float,
    exported: tuple[onnx.ModelProto, float] | None,
) -> Features:
    """Return every image's embedding, of which some are `known` by row.

    `known_s` is the seconds that these took; `exported` the trunk and what its export took.
    """
    if exported is None:
        return compute_features(backbone, scan, display)
    rows = np.array([i for i in range(len(scan.images)) if i not in known], dtype=np.int64)
    trunk, export_s = exported
    began = time.monotonic()
    with display.bar("computing features", len(rows)) as advance:
        missing = compute_embeddings(trunk, scan.evaluation, rows, advance=advance)
    every = dict(known) | dict(zip(rows.tolist(), missing, strict=True))
    return Features(
        network=TransferNetwork(backbone, len(scan.folder.labels)),
        trunk=trunk,
        embeddings=np.stack([every[row] for row in range(len(scan.images))]),
        export_s=export_s,
        embedding_s=known_s + time.monotonic() - began,
    )


def features_of(
    network: TransferNetwork, spec: PreprocessSpec, pixels: StoredPixels, display: Display
) -> Features:
    """Export a network's trunk and compute the embeddings of all of `pixels` with it."""
    display.line("exporting the backbone to ONNX")
    began = time.monotonic()
    with display.stage("exporting the backbone"):
        trunk = export_trunk(network, spec)
    exported = time.monotonic()
    with display.bar("computing features", len(pixels)) as advance:
        embeddings = compute_embeddings(trunk, pixels, np.arange(len(pixels)), advance=advance)
    return Features(
        network=network,
        trunk=trunk,
        embeddings=embeddings,
        export_s=exported - began,
        embedding_s=time.monotonic() - exported,
    )
