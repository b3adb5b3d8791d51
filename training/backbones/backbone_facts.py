"""What is known of a backbone beside its network. Needs no PyTorch."""

import dataclasses
from dataclasses import dataclass

from inference.manifest import BackboneInfo
from inference.preprocessing import PreprocessSpec
from training.config import FinetuneConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class BackboneFacts:
    """A backbone without its network.

    Attributes:
        spec: the preprocessing that its weights were trained with.
        info: what the manifest says about it.
        embedding_dim: D.
        map_layer: the trunk's module whose output averages to the embedding, or None.
        unused: keys of a weights file that found no place (an old head).
    """

    spec: PreprocessSpec
    info: BackboneInfo
    embedding_dim: int
    map_layer: str | None
    unused: tuple[str, ...]


def with_fit(spec: PreprocessSpec, config: FinetuneConfig) -> PreprocessSpec:
    """Return the preprocessing with the fit that the options name."""
    fit = "crop" if config.fit == "auto" else config.fit  # until it is chosen
    return dataclasses.replace(spec, fit=fit)
