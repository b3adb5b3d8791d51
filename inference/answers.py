"""What a graph answered, before anything is made of it: one row an image, and numbers only."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from inference.errors import SessionError

# Of (N, K) logits and probabilities, (N, D) embeddings and so on.
_DIMENSIONS: Final = {
    "logits": 2,
    "probabilities": 2,
    "embedding": 2,
    "activation_map": 3,
    "familiarity": 1,
}
_ONE_A_LABEL: Final = frozenset({"logits", "probabilities"})


def check_answers(answered: Mapping[str, Any], *, num_images: int, num_labels: int) -> None:
    """Return where each output is float32, finite, and has a row for each image.

    Raises:
        SessionError: one is not.
    """
    for name, values in answered.items():
        if not isinstance(values, np.ndarray) or values.dtype != np.float32:
            kind = getattr(values, "dtype", type(values).__name__)
            raise SessionError(f"the model's {name} are {kind}, not float32; publish it again")
        expected = (num_images, num_labels) if name in _ONE_A_LABEL else (num_images,)
        if values.ndim != _DIMENSIONS[name] or values.shape[: len(expected)] != expected:
            raise SessionError(
                f"the model answered {num_images} images of {num_labels} labels with {name} of shape "
                f"{values.shape}; publish it again"
            )
        if not np.isfinite(values).all():
            raise SessionError(
                f"the model answered with NaN or infinity in {name}; publish it again"
            )


def softmax(logits: npt.NDArray[np.float32], *, temperature: float) -> npt.NDArray[np.float32]:
    """Return probabilities (N, K) of logits (N, K), as a graph with this temperature inside does."""
    scaled = (logits - logits.max(axis=1, keepdims=True)) / np.float32(temperature)
    powers: npt.NDArray[np.float32] = np.exp(scaled)
    powers /= powers.sum(axis=1, keepdims=True)
    return powers
