"""Which images a published model was made from, by the hashes in its package."""

import json
from pathlib import Path

from training.data.split import SPLIT_FILE


def training_hashes(package: Path) -> frozenset[str] | None:
    """Return the content hashes of the images that a model was trained or chosen on, test images not.

    None where the package does not say: it is a model file alone, or its split cannot be read.
    """
    try:
        parts = json.loads((package / SPLIT_FILE).read_text(encoding="utf-8"))["parts"]
        return frozenset(sha256 for sha256, part in parts.items() if part != "test")
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
