"""Where to train, and in which precision."""

import re
from functools import cache
from typing import Final, Literal

import torch

from training.errors import ConfigError
from training.runtime.ranks import local_rank

_BUILT_FOR: Final = re.compile(r"(sm|compute)_(\d+)(\d)[a-z]*")


def resolve_device(asked: Literal["auto", "cpu", "cuda", "mps"]) -> torch.device:
    """Return where to train; under a launcher, each process has a GPU of its own.

    Raises:
        ConfigError: what is asked for is not there, or this PyTorch was not built for it.
    """
    if asked == "mps":
        if not torch.backends.mps.is_available():
            raise ConfigError("--device mps: PyTorch finds no Apple GPU; leave it out")
        return torch.device("mps")
    available = torch.cuda.is_available()
    if asked == "cuda" and not available:
        raise ConfigError("--device cuda: PyTorch finds no GPU; check the driver or leave it out")
    if not available or asked == "cpu":
        return torch.device("cpu")
    if problem := unsupported_gpu():
        if asked == "cuda":
            raise ConfigError(f"--device cuda: {problem}")
        return torch.device("cpu")
    return torch.device("cuda", local_rank())


@cache
def unsupported_gpu() -> str | None:
    """Return what is wrong where there is a GPU that this PyTorch was not built for, with the remedy."""
    if not torch.cuda.is_available():
        return None
    device = local_rank()
    major, minor = torch.cuda.get_device_capability(device)
    if any(_runs_on(built, major, minor) for built in torch.cuda.get_arch_list()):
        return None
    return (
        f"PyTorch {torch.__version__} was not built for the GPU {torch.cuda.get_device_name(device)!r} "
        f"(compute capability {major}.{minor}); install a build that was: older GPUs are in PyTorch's builds "
        'for CUDA 12.6, and in earlier versions (pip install "torch<2.11" "torchvision<0.26")'
    )


def _runs_on(built_for: str, major: int, minor: int) -> bool:
    """Whether code runs: machine code on GPUs of its generation, intermediate code on all later ones."""
    found = _BUILT_FOR.fullmatch(built_for)
    if found is None:
        return False
    kind, own = found[1], (int(found[2]), int(found[3]))
    return own <= (major, minor) and (kind == "compute" or own[0] == major)


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether bfloat16 is faster there.

    On a GPU that computes in it, and on CPUs with AMX. Without AMX it is slower than float32: a
    training step of EfficientNet-Lite0 at 128 px took 1.5 times as long on a Zen 4 with AVX512-BF16.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and bool(torch.cpu._is_amx_tile_supported())
