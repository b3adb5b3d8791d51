"""The linear head, as numbers: what the probe fits, the network holds and the exporter writes."""

from dataclasses import dataclass

from training.runtime.arrays import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearHead:
    """`logits = embedding @ weight.T + bias`; weight (K, D), bias (K,), float32."""

    weight: Floats
    bias: Floats

    def logits(self, embeddings: Floats) -> Floats:
        """Return (N, K) for embeddings (N, D)."""
        logits: Floats = embeddings @ self.weight.T + self.bias
        return logits
