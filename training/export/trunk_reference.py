"""What PyTorch saw in a few images when a trunk was exported.

With it a later run holds its served file against PyTorch and does not import it: the head is the same
few sums in either.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.special import softmax

from inference.classifier import BatchOutputs
from training.networks.linear_head import LinearHead
from training.runtime.arrays import Floats, Pixels

REFERENCE_IMAGES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TrunkReference:
    """By PyTorch, of the images `pixels` (N, H, W, 3) uint8.

    `embeddings` is (N, D); `features` (N, D, h, w) before pooling, None where there is no activation map.
    """

    pixels: Pixels
    embeddings: Floats
    features: Floats | None

    def answers(self, head: LinearHead, temperature: float) -> BatchOutputs:
        """Return what the network with a head answers."""
        logits = head.logits(self.embeddings)
        activation_map = None
        if self.features is not None:
            weights = head.weight[logits.argmax(axis=1)]
            activation_map = np.einsum("nd,ndhw->nhw", weights, self.features)
        return BatchOutputs(
            logits=logits,
            probabilities=softmax(logits / np.float32(temperature), axis=1),
            embedding=self.embeddings,
            activation_map=activation_map,
        )
