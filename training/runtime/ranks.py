"""What `torchrun` says in the environment of each process that it starts."""

import os


def is_main() -> bool:
    """Return whether this process is the one that prints and writes."""
    return int(os.environ.get("RANK", "0")) == 0


def local_rank() -> int:
    """Return the number of this process on its machine: which GPU is its own."""
    return int(os.environ.get("LOCAL_RANK", "0"))


def num_processes() -> int:
    """Return how many processes there are, over all machines."""
    return int(os.environ.get("WORLD_SIZE", "1"))
