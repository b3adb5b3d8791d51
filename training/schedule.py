"""The learning rate at each step: linear warm-up, then cosine to zero."""

import math
from typing import Final

WARMUP_SHARE: Final = 0.1


def rate_factor(step: int, num_steps: int) -> float:
    """Return the share of the peak rate at `step` of `num_steps`, 0..1.

    Loshchilov & Hutter 2017, "SGDR", without restarts; warm-up over the first tenth.
    """
    warmup = max(1, round(num_steps * WARMUP_SHARE))
    if step < warmup:
        return (step + 1) / warmup
    progress = (step - warmup) / max(1, num_steps - warmup)
    return (1 + math.cos(math.pi * min(progress, 1.0))) / 2
