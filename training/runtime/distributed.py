"""Several processes as one: who writes, who computes what, what all agree on.

`torchrun` starts the processes and says so in the environment; without it
there is one. Nothing here is needed to be called differently then, and PyTorch is not imported.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from training.runtime.ranks import is_main, num_processes

if TYPE_CHECKING:
    import torch
    from torch import nn

# The others wait while the first process reads a large folder.
_PATIENCE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shard:
    """Which part of each step this process computes: every `of`-th image, beginning at `rank`."""

    rank: int = 0
    of: int = 1


@contextmanager
def process_group(device: "torch.device | None") -> Iterator[None]:
    """Join the process group that the launcher describes, if there is one, for a block.

    `device` is where to train; it may be None in the only process.
    """
    if num_processes() == 1 or _group() is not None:
        yield
        return
    import torch
    import torch.distributed as dist

    assert device is not None
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield
    finally:
        dist.destroy_process_group()


def _group() -> Any | None:
    """Return `torch.distributed` in one of several processes: only what has imported it can be one."""
    dist = sys.modules.get("torch.distributed")
    return dist if dist is not None and dist.is_initialized() else None


@contextmanager
def main_first() -> Iterator[None]:
    """Run a block in the first process, then in the others, who find its work in the cache."""
    dist = _group()
    if dist is not None and not is_main():
        dist.barrier()
    try:
        yield
    finally:
        if dist is not None and is_main():
            dist.barrier()


def shard() -> Shard:
    """Return this process's shard of each step."""
    dist = _group()
    if dist is None:
        return Shard()
    return Shard(rank=dist.get_rank(), of=dist.get_world_size())


def wrap(network: "nn.Module") -> "nn.Module":
    """Return the network with its gradients averaged over the processes after each backward pass."""
    if _group() is None:
        return network
    from torch.nn.parallel import DistributedDataParallel

    # BatchNorm statistics are either frozen or each process's own, of which rank 0's are kept.
    return DistributedDataParallel(network)


def broadcast(value: Any) -> Any:
    """Return rank 0's value in every process: what a clock decides must be decided once."""
    dist = _group()
    if dist is None:
        return value
    values = [value]
    dist.broadcast_object_list(values, src=0)
    return values[0]


def any_of(flag: bool) -> bool:
    """Return whether any process says yes."""
    if _group() is None:
        return flag
    return any(gather(flag))


def gather(part: Any) -> list[Any]:
    """Return every process's part, by rank, in every process."""
    dist = _group()
    if dist is None:
        return [part]
    parts: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(parts, part)
    return parts
