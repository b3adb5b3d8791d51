"""What the licence of pretrained weights may keep a person from doing."""

import re
from typing import Final

from inference.manifest import BackboneInfo

# cc-by-nc-4.0, fair-noncommercial-research-license, apple-amlr (research only), seer-license (likewise).
_NON_COMMERCIAL: Final = re.compile(r"\bnc\b|non-?commercial|research|\bamlr\b|\bseer\b", re.I)


def is_non_commercial(licence: str) -> bool:
    """Return whether a licence forbids commercial use."""
    return _NON_COMMERCIAL.search(licence) is not None


def licence_warning(info: BackboneInfo) -> str | None:
    """Return a sentence for weights whose licence forbids commercial use, None for all others."""
    if not is_non_commercial(info.licence):
        return None
    return (
        f"the weights {info.weights} are licensed {info.licence}, which forbids commercial use, of the "
        "model made from them too; choose another backbone where that matters (python -m "
        "training.backbones lists licences)"
    )
