"""Where to train, and in which precision."""

from typing import Literal

import torch

from training.errors import ConfigError
from training.runtime.ranks import local_rank


def resolve_device(asked: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """Return where to train; under a launcher, each process has a GPU of its own.

    Raises:
        ConfigError: CUDA is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if asked == "cuda" and not available:
        raise ConfigError("--device cuda: PyTorch finds no GPU; check the driver or leave it out")
    if not available or asked == "cpu":
        return torch.device("cpu")
    return torch.device("cuda", local_rank())


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether bfloat16 is faster there.

    On a GPU that computes in it, and on CPUs with AMX. Without AMX it is slower than float32: a
    training step of EfficientNet-Lite0 at 128 px took 1.5 times as long on a Zen 4 with AVX512-BF16.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool(torch.cpu._is_amx_tile_supported())
