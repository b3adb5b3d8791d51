"""One image, asked."""

import numpy as np

from inference.classifier import Classifier
from training.pages.activation_map import heat_url

_TOP = 5


def ask(model: Classifier, data: bytes, *, heat: bool) -> dict[str, object]:
    """Return the answer for an encoded image, with where the model looked as a data URL if asked.

    Raises:
        ImageError: it cannot be decoded.
        SessionError: the model fails.
    """
    prepared = model.prepare(data)
    outputs = model.run(np.stack([prepared.pixels]), activation_map=heat)
    (answer,) = model.interpret(outputs, top_k=_TOP)
    shown = answer.activation_map
    return {
        "label": answer.label,
        "probability": answer.probability,
        "rejected": answer.rejected,
        "top": [{"label": t.label, "probability": t.probability} for t in answer.top],
        "heat": heat_url(prepared.pixels, shown) if heat and shown is not None else None,
        "version": model.manifest.version,
    }
