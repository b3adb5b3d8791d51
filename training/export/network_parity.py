"""PyTorch's answers, which the exported file is held against."""

from collections.abc import Callable, Iterator

import numpy as np
import torch

from inference.classifier import BatchOutputs
from inference.manifest import Parity
from inference.session import ModelSession
from training.data.scan import PixelRows
from training.export.parity import BATCH, compare_answers
from training.export.trunk_reference import TrunkReference
from training.networks.transfer_network import TransferNetwork, TrunkGraph, serving_outputs
from training.ood.score import OodScore
from training.runtime.arrays import Integers, Pixels


@torch.inference_mode()
def check_graph(
    network: TransferNetwork,
    session: ModelSession,
    pixels: PixelRows,
    rows: Integers,
    *,
    temperature: float,
    ood_score: OodScore | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> Parity:
    """Compare PyTorch with the exported file on the images at `rows` (M,), every validation image.

    Raises:
        GateFailed: as `compare_answers`.
    """
    network.eval().to("cpu", memory_format=torch.channels_last)  # type: ignore[call-overload]

    def answers() -> Iterator[tuple[Pixels, BatchOutputs]]:
        for start in range(0, len(rows), BATCH):
            batch = np.ascontiguousarray(pixels[rows[start : start + BATCH]])
            outputs = serving_outputs(network, torch.from_numpy(batch), temperature)
            yield batch, BatchOutputs(**{name: value.numpy() for name, value in outputs.items()})

    return compare_answers(answers(), session, ood_score=ood_score, advance=advance)


@torch.inference_mode()
def record_reference(network: TransferNetwork, pixels: Pixels) -> TrunkReference:
    """Return what PyTorch sees in a few images (N, H, W, 3), for heads that are fitted without it."""
    graph = TrunkGraph(network.eval())
    embedding, *features = graph(torch.from_numpy(np.ascontiguousarray(pixels)))
    return TrunkReference(
        pixels=pixels,
        embeddings=embedding.numpy(),
        features=features[0].numpy() if features else None,
    )
